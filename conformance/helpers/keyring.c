/* SPDX-License-Identifier: Apache-2.0 */
// keyring plant NAME USER PERMISSIONS: as USER, makes a session keyring NAME with these permissions, and waits for keys that
//   somebody else puts into it, until it is killed.
// keyring add: puts a key into the session keyring, and tells what that is.
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long keyctl(int what, unsigned long first, unsigned long second, unsigned long third) {
  return syscall(SYS_keyctl, what, first, second, third, 0);
}

static int plant(const char *name, int user, unsigned long permissions) {
  if (setgid((gid_t)user) < 0 || setuid((uid_t)user) < 0) return 2;
  const long ring = keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long)name, 0, 0);
  if (ring < 0 || keyctl(KEYCTL_SETPERM, (unsigned long)ring, permissions, 0) < 0) return 2;
  puts("ready");
  fflush(stdout);
  for (;;) {
    int keys[64];
    const long size = keyctl(KEYCTL_READ, (unsigned long)ring, (unsigned long)keys, sizeof keys);
    if (size > 0) break;
    usleep(1000);
  }
  puts("stolen");
  return 0;
}

static int add(void) {
  const long key = syscall(SYS_add_key, "user", "a secret", "topsecret", 9, KEY_SPEC_SESSION_KEYRING);
  char text[512] = "";
  keyctl(KEYCTL_DESCRIBE, (unsigned long)(long)KEY_SPEC_SESSION_KEYRING, (unsigned long)text, sizeof text - 1);
  printf("%s %s\n", key < 0 ? "refused" : "added", text);
  return key < 0;
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "plant") == 0) return plant(argv[2], atoi(argv[3]), strtoul(argv[4], NULL, 16));
  if (argc == 2 && strcmp(argv[1], "add") == 0) return add();
  return 2;
}
