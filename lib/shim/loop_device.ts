// SPDX-License-Identifier: Apache-2.0
/** Files as block devices, for mounts with the option `loop`. */
import { RuntimeError } from "../errors.ts";
import { Errno, errnoText } from "../kernel/errno.ts";
import { AT_FDCWD, check, O_CLOEXEC, O_RDONLY, O_RDWR } from "../sys/files.ts";
import { native } from "../sys/native.ts";

const CONTROL = "/dev/loop-control";
const LOOP_CTL_GET_FREE = 0x4c82;
const LO_FLAGS_READ_ONLY = 1;
const LO_FLAGS_AUTOCLEAR = 4;
const LO_FLAGS_DIRECT_IO = 16;
/** Another process may take a free device first; so often another one is tried. */
const TRIES = 100;

/** A device; it goes when its mount has gone, or when `fd` is closed and it was not mounted. */
export interface LoopDevice {
  readonly path: string;
  readonly fd: number;
}

/** Makes a device of the file at `path`. @throws SYSCALL, HOST_UNABLE where no device is to be had */
export function attachLoop(path: string, { readonly, direct }: { readonly: boolean; direct: boolean }): LoopDevice {
  const how = (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC;
  const file = check(native.open(AT_FDCWD, path, how, 0), `loop: open ${path}`, { path });
  try {
    const control = check(native.open(AT_FDCWD, CONTROL, O_RDWR | O_CLOEXEC, 0), `loop: open ${CONTROL}`, { path: CONTROL });
    try {
      const flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0) | (direct ? LO_FLAGS_DIRECT_IO : 0);
      return attachFree(control, file, how, flags, path);
    } finally {
      native.close(control);
    }
  } finally {
    native.close(file);
  }
}

function attachFree(control: number, file: number, how: number, flags: number, path: string): LoopDevice {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const index = check(native.ioctlInt(control, LOOP_CTL_GET_FREE, 0), "loop: find a free device");
    const device = `/dev/loop${index}`;
    const fd = check(native.open(AT_FDCWD, device, how, 0), `loop: open ${device}`, { path: device });
    const result = native.loopAttach(fd, file, flags);
    if (result >= 0) return { path: device, fd };
    native.close(fd);
    if (result === -Errno.EBUSY) continue;
    throw new RuntimeError("SYSCALL", `loop: ${path} as ${device}: ${errnoText(-result)}`, {
      path,
      errno: -result,
      syscall: "ioctl",
    });
  }
  throw new RuntimeError("HOST_UNABLE", `loop: ${path}: others take every free device`, { path });
}
