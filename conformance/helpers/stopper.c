/* SPDX-License-Identifier: Apache-2.0 */
// As the first process of a container: stops whatever joins it, and only its own child is spared.
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
  if (fork() == 0) {
    for (;;) {
      DIR *processes = opendir("/proc");
      if (processes == NULL) continue;
      for (struct dirent *each = readdir(processes); each != NULL; each = readdir(processes)) {
        const int pid = atoi(each->d_name);
        if (pid > 2) kill(pid, SIGSTOP);
      }
      closedir(processes);
    }
  }
  for (;;) pause();
}
