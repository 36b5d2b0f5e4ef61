# SPDX-License-Identifier: Apache-2.0
"""What crun's tests use of Python's libmount, which Debian 12 does not have: a table of mounts, read from a mountinfo."""


class Mount:
    def __init__(self, line):
        words = line.split()
        rest = words[words.index("-") + 1:]
        self.target = words[4]
        self.vfs_options = words[5]
        self.fs_options = rest[2] if len(rest) > 2 else None


class Table:
    def __init__(self, path):
        with open(path) as file:
            self.mounts = [Mount(line) for line in file if " - " in line]

    def find_target(self, target):
        """The newest mount on a path, as libmount has it, or None."""
        return next((mount for mount in reversed(self.mounts) if mount.target == target), None)
