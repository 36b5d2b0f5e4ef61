/* SPDX-License-Identifier: Apache-2.0 */
// sched PID: prints policy, flags, nice, priority, runtime, deadline and period of a process, as sched_getattr(2) tells.
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

int main(int argc, char **argv) {
  struct attributes of = {0};
  if (argc != 2 || syscall(SYS_sched_getattr, atoi(argv[1]), &of, sizeof of, 0) != 0) return 1;
  printf("%u %llu %d %u %llu %llu %llu\n", of.policy, (unsigned long long)of.flags, of.nice, of.priority,
         (unsigned long long)of.runtime, (unsigned long long)of.deadline, (unsigned long long)of.period);
  return 0;
}
