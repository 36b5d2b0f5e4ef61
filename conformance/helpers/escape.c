/* SPDX-License-Identifier: Apache-2.0 */
// escape NAME WAY...: a program of a container that tries to get away from whoever ends it, and then sleeps. NAME is only there
// to be found by. The ways, in order:
//   fork     a double fork, and a session of its own: its parent is whoever reaps orphans
//   user, mnt, ipc, uts, net, cgroup   a namespace of its own of that kind
//   thread   goes on in a second thread, and ends the first one: it looks like a zombie
//   move     forks over and over, and the parent ends: it is never the process that it was. Each adds to /moves
// Nothing of it lives longer than DEADLINE after its start, whatever has become of the test that started it: each process has a
// timer of the kernel that kills it, stopped or not. What moves also ends when /moves is taken away, and after MOVES forks.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE = 20, MOVES = 4000 };
static struct itimerspec the_end;

static const struct {
  const char *name;
  int flag;
} kNamespaces[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"ipc", CLONE_NEWIPC},
                   {"uts", CLONE_NEWUTS},   {"net", CLONE_NEWNET}, {"cgroup", CLONE_NEWCGROUP}};

// A fork inherits no timer: so this comes first in every process. The time is that of the first one's start.
static int end_in_time(void) {
  if (the_end.it_value.tv_sec == 0) {
    if (clock_gettime(CLOCK_BOOTTIME, &the_end.it_value) != 0) return -1;
    the_end.it_value.tv_sec += DEADLINE;
  }
  struct sigevent kill = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
  timer_t timer;
  if (timer_create(CLOCK_BOOTTIME, &kill, &timer) != 0) return -1;
  return timer_settime(timer, TIMER_ABSTIME, &the_end, NULL);
}

// Ends the parent; the child goes on.
static void become_child(void) {
  if (fork() != 0) _exit(0);
  if (end_in_time() != 0) _exit(1);
}

static void *sleep_on(void *unused) {
  for (;;) pause();
  return unused;
}

static int leave(const char *name) {
  for (unsigned i = 0; i < sizeof kNamespaces / sizeof kNamespaces[0]; i++) {
    if (strcmp(name, kNamespaces[i].name) == 0) return unshare(kNamespaces[i].flag);
  }
  errno = EINVAL;
  return -1;
}

int main(int argc, char **argv) {
  if (end_in_time() != 0) {
    perror("timer");
    return 1;
  }
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "fork") == 0) {
      become_child();
      setsid();
      become_child();
    } else if (strcmp(argv[i], "thread") == 0) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, sleep_on, NULL) != 0) return 1;
      pthread_exit(NULL);
    } else if (strcmp(argv[i], "move") == 0) {
      signal(SIGCHLD, SIG_IGN);
      for (int count = 0; count < MOVES; count++) {
        become_child();
        int moves = open("/moves", O_WRONLY | (count == 0 ? O_CREAT : 0) | O_APPEND | O_CLOEXEC, 0644);
        if (moves < 0 || write(moves, ".", 1) != 1) return 1;
        close(moves);
        usleep(5000);
      }
      return 0;
    } else if (leave(argv[i]) != 0) {
      perror(argv[i]);
      return 1;
    }
  }
  sleep_on(NULL);
}
