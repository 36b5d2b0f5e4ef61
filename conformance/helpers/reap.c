/* SPDX-License-Identifier: Apache-2.0 */
// Pid 1 of a playground: reaps what is orphaned, and ends, all others with it, when its standard input does. So nothing
// outlives the test that made the playground, however that ends.
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void OnChild(int signal) { (void)signal; }

int main(void) {
  sigset_t blocked, unblocked;
  sigemptyset(&unblocked);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  // Blocked except in ppoll, or a child that ends just before it would go unseen.
  if (sigprocmask(SIG_BLOCK, &blocked, NULL) != 0) return 1;
  struct sigaction action = {.sa_handler = OnChild};
  if (sigaction(SIGCHLD, &action, NULL) != 0) return 1;
  if (write(1, "ready\n", 6) != 6) return 1;
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (ppoll(&input, 1, NULL, &unblocked) < 0) {
      if (errno == EINTR) continue;
      return 1;
    }
    char byte;
    if (read(0, &byte, 1) <= 0) return 0;
  }
}
