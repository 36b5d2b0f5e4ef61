/* SPDX-License-Identifier: Apache-2.0 */
// swap A B: exchanges two names, over and over, until it is killed. The other half of a race.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  puts("ready");
  fflush(stdout);
  while (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) == 0) {
  }
  perror("swap");
  return 1;
}
