/* SPDX-License-Identifier: Apache-2.0 */
// calls WORD...: makes a system call for each word and prints a line, WORD and the errno, 0 for none.
//   NUMBER          a call of x86_64 without arguments
//   NUMBER:A[:B]    with one argument or two
//   i386:NUMBER     a call of i386, as a 32-bit program makes it
//   alarm:MS        a signal with a handler comes after that many milliseconds; interrupted calls are not made again
//   mkdir:PATH      mkdir(2)
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static void handle(int number) { (void)number; }

static int call_i386(long number) {
  long result;
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
  int value = (int)result;
  return value < 0 && value > -4096 ? -value : 0;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    const char *word = argv[i];
    int number = 0;
    if (strncmp(word, "i386:", 5) == 0) {
      number = call_i386(atol(word + 5));
    } else if (strncmp(word, "alarm:", 6) == 0) {
      struct sigaction action = {.sa_handler = handle};
      struct itimerval timer = {.it_value.tv_usec = atol(word + 6) * 1000};
      sigaction(SIGALRM, &action, NULL);
      number = setitimer(ITIMER_REAL, &timer, NULL) < 0 ? errno : 0;
    } else if (strncmp(word, "mkdir:", 6) == 0) {
      number = syscall(SYS_mkdir, word + 6, 0777) < 0 ? errno : 0;
    } else {
      char *end;
      long call = strtol(word, &end, 0);
      long a = *end == ':' ? strtol(end + 1, &end, 0) : 0;
      long b = *end == ':' ? strtol(end + 1, &end, 0) : 0;
      number = syscall(call, a, b, 0, 0, 0, 0) < 0 ? errno : 0;
    }
    printf("%s %d\n", word, number);
    fflush(stdout);
  }
  return 0;
}
