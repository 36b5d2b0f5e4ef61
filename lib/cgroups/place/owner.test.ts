// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { Config } from "../../spec/types.ts";
import { cgroupOwner } from "./owner.ts";

const MOUNT = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "rw"] };
const SPACES = [{ type: "cgroup" }, { type: "user" }];
const IDS = [{ containerID: 0, hostID: 100000, size: 1000 }];

function owner(linux: object, mounts: object[] = [MOUNT], uid = 0): number | undefined {
  return cgroupOwner({ ociVersion: "1.3.0", linux, mounts, process: { user: { uid, gid: 0 } } } as unknown as Config);
}

t.test("the container's user gets a cgroup that he can see and write", async (t) => {
  t.equal(owner({ namespaces: SPACES, uidMappings: IDS }), 100000);
  t.equal(owner({ namespaces: SPACES, uidMappings: IDS }, [MOUNT], 7), 100007);
  t.equal(owner({ namespaces: SPACES, uidMappings: IDS }, [{ ...MOUNT, options: ["ro"] }]), undefined, "read-only");
  t.equal(owner({ namespaces: SPACES, uidMappings: IDS }, []), undefined, "not mounted");
  t.equal(owner({ namespaces: [{ type: "user" }], uidMappings: IDS }), undefined, "the host's cgroup namespace");
  t.equal(owner({ namespaces: [{ type: "cgroup", path: "/proc/1/ns/cgroup" }] }), undefined, "another's");
  t.equal(owner({ namespaces: [{ type: "cgroup" }] }), undefined, "root has it anyway");
  t.equal(owner({ namespaces: [{ type: "cgroup" }] }, [MOUNT], 1000), 1000);
  t.equal(owner({ namespaces: SPACES, uidMappings: IDS }, [MOUNT], 5000), undefined, "not mapped");
});
