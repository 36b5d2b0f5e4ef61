// escape NAME WAY...: a program of a container that tries to get away from whoever ends it, and then sleeps. NAME is only there
// to be found by. The ways, in order:
//   fork     a double fork, and a session of its own: its parent is whoever reaps orphans
//   user, mnt, ipc, uts, net, cgroup   a namespace of its own of that kind
//   thread   goes on in a second thread, and ends the first one: it looks like a zombie
//   move     forks over and over, and the parent ends: it is never the process that it was. Each adds to /moves
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
  const char *name;
  int flag;
} kNamespaces[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},  {"ipc", CLONE_NEWIPC},
                   {"uts", CLONE_NEWUTS},   {"net", CLONE_NEWNET}, {"cgroup", CLONE_NEWCGROUP}};

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
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "fork") == 0) {
      if (fork() != 0) return 0;
      setsid();
      if (fork() != 0) return 0;
    } else if (strcmp(argv[i], "thread") == 0) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, sleep_on, NULL) != 0) return 1;
      pthread_exit(NULL);
    } else if (strcmp(argv[i], "move") == 0) {
      signal(SIGCHLD, SIG_IGN);
      for (;;) {
        if (fork() != 0) return 0;
        int moves = open("/moves", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (moves < 0 || write(moves, ".", 1) != 1) return 1;
        close(moves);
        usleep(5000);
      }
    } else if (leave(argv[i]) != 0) {
      perror(argv[i]);
      return 1;
    }
  }
  sleep_on(NULL);
}
