// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import { CriuType, decodeResponse, encodeRequest } from "./messages.ts";

/** The expected values are from protoc --decode_raw and from the format's description. */
t.test("a request: numbers, flags, texts, messages and lists of them", async (t) => {
  const bytes = encodeRequest({
    type: CriuType.DUMP,
    opts: {
      images_dir_fd: 4,
      pid: 300,
      leave_running: true,
      log_file: "d.log",
      ext_mnt: [
        { key: "/a", val: "/b" },
        { key: "ü", val: "" },
      ],
      lazy_pages: false,
      empty_ns: 0x40000000,
      parent_img: undefined,
    },
  });
  const opts = [
    [0x08, 4],
    [0x10, 0xac, 0x02],
    [0x18, 1],
    [0x52, 5, ...Buffer.from("d.log")],
    [0xba, 0x01, 8, 0x0a, 2, ...Buffer.from("/a"), 0x12, 2, ...Buffer.from("/b")],
    [0xba, 0x01, 6, 0x0a, 2, 0xc3, 0xbc, 0x12, 0],
    [0x80, 0x03, 0],
    [0xb0, 0x02, 0x80, 0x80, 0x80, 0x80, 0x04],
  ].flat();
  t.same([...bytes], [0x08, 1, 0x12, opts.length, ...opts]);
});

t.test("a message of more than 127 bytes has a length of two", async (t) => {
  const bytes = encodeRequest({ type: CriuType.RESTORE, opts: { root: "x".repeat(200) } });
  t.same([...bytes.subarray(0, 8)], [0x08, 2, 0x12, 203, 1, 0x6a, 200, 1]);
  t.equal(bytes.length, 208);
});

t.test("a field without a number is a mistake, not silence", async (t) => {
  t.throws(() => encodeRequest({ type: 1, opts: { pidd: 1 } }), { message: "CRIU has no field pidd" });
});

t.test("responses", async (t) => {
  t.match(decodeResponse(Uint8Array.of(0x08, 1, 0x10, 1)), { type: 1, success: true, errno: 0, message: "" });
  t.match(decodeResponse(Uint8Array.of(0x08, 1, 0x10, 0, 0x38, 1, 0x4a, 2, 0x6e, 0x6f)), {
    success: false,
    errno: 1,
    message: "no",
  });
  const script = [...Buffer.from("post-restore")];
  const notify = [0x0a, script.length, ...script, 0x10, 0xac, 0x02];
  const said = decodeResponse(Uint8Array.from([0x08, 6, 0x10, 1, 0x2a, notify.length, ...notify]));
  t.same(said?.notify, { script: "post-restore", pid: 300 });
  const features = decodeResponse(Uint8Array.of(0x08, 9, 0x10, 1, 0x42, 4, 0x08, 1, 0x10, 0));
  t.same(features?.features, { memTrack: true, lazyPages: false });
});

t.test("fields that runt does not know are passed over, what is cut off is no response", async (t) => {
  const known = [0x08, 1, 0x10, 1];
  t.equal(decodeResponse(Uint8Array.of(0xf9, 0x07, 1, 2, 3, 4, 5, 6, 7, 8, ...known))?.success, true);
  t.equal(decodeResponse(Uint8Array.of(...known, 0x2a, 9, 1)), undefined);
  t.equal(decodeResponse(Uint8Array.of(...known, 0x80)), undefined);
  t.equal(decodeResponse(Uint8Array.of(0x08, 1)), undefined);
  t.equal(decodeResponse(Uint8Array.of()), undefined);
});
