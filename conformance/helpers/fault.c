/* SPDX-License-Identifier: Apache-2.0 */
// Runs a program, and one system call of it, or of a process that it starts, fails without being made.
//
//     fault WHO CALL NTH ERRNO FILE PROGRAM [ARGUMENT...]
//
// WHO counts the processes as they appear: 0 is PROGRAM, 1 the first that it starts, and so on. CALL is a number of
// <asm/unistd.h>, -1 for none; its NTHs, from 1, are counted in each process on its own. A process is let go when it executes
// what is neither PROGRAM nor a memfd. FILE gets a line for each call, "WHO CALL NTH", and the line "failed" for the one that has
// failed. The exit status is that of PROGRAM, 128 + signal, or 125.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kProcesses = 64, kCalls = 512 };

struct process {
  pid_t pid;
  int failing;
  int seen[kCalls];
};

static struct process processes[kProcesses];
static int count;

static int find(pid_t pid) {
  for (int who = 0; who < count; who++) {
    if (processes[who].pid == pid) return who;
  }
  if (count == kProcesses) exit(125);
  processes[count].pid = pid;
  return count++;
}

static int is_foreign(pid_t pid, const char *program) {
  char name[64];
  char path[4096];
  snprintf(name, sizeof name, "/proc/%d/exe", pid);
  const ssize_t size = readlink(name, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = '\0';
  return strcmp(path, program) != 0 && strncmp(path, "/memfd:", 7) != 0;
}

int main(int argc, char **argv) {
  if (argc < 7) return 125;
  const int wanted = atoi(argv[1]);
  const int call = atoi(argv[2]);
  const int nth = atoi(argv[3]);
  const long error = atol(argv[4]);
  FILE *list = fopen(argv[5], "we");
  char program[4096];
  if (list == NULL || realpath(argv[6], program) == NULL) return 125;
  int go[2];
  if (pipe(go) < 0) return 125;
  const pid_t main_pid = fork();
  if (main_pid < 0) return 125;
  if (main_pid == 0) {
    char byte;
    const ssize_t got = read(go[0], &byte, 1);
    close(go[0]);
    close(go[1]);
    if (got == 1) execv(argv[6], argv + 6);
    _exit(125);
  }
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC;
  if (ptrace(PTRACE_SEIZE, main_pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, main_pid, 0, 0) < 0) return 125;
  if (write(go[1], "", 1) != 1) return 125;
  find(main_pid);
  int has_started = 0;
  for (;;) {
    int status;
    const pid_t pid = waitpid(-1, &status, __WALL);
    if (pid < 0) return 125;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      if (pid != main_pid) continue;
      fclose(list);
      // The processes that are left are let go with the end of this one.
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    const int who = find(pid);
    struct process *process = &processes[who];
    const int event = status >> 16;
    int signal = 0;
    if (event == PTRACE_EVENT_EXEC) {
      if (pid == main_pid && !has_started) has_started = 1;
      else if (is_foreign(pid, program)) {
        ptrace(PTRACE_DETACH, pid, 0, 0);
        continue;
      }
    } else if (event == 0 && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
      struct __ptrace_syscall_info info;
      struct user_regs_struct registers;
      ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info);
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY && has_started && info.entry.nr < kCalls) {
        const int number = (int)info.entry.nr;
        process->seen[number]++;
        fprintf(list, "%d %d %d\n", who, number, process->seen[number]);
        if (who == wanted && number == call && process->seen[number] == nth) {
          fprintf(list, "failed\n");
          process->failing = 1;
          // Linux closes the descriptor whatever close(2) returns.
          if (number != SYS_close) {
            ptrace(PTRACE_GETREGS, pid, 0, &registers);
            registers.orig_rax = (unsigned long)-1;
            ptrace(PTRACE_SETREGS, pid, 0, &registers);
          }
        }
        fflush(list);
      } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && process->failing) {
        process->failing = 0;
        ptrace(PTRACE_GETREGS, pid, 0, &registers);
        registers.rax = (unsigned long)-error;
        ptrace(PTRACE_SETREGS, pid, 0, &registers);
      }
    } else if (event == 0) {
      signal = WSTOPSIG(status);
    }
    ptrace(PTRACE_SYSCALL, pid, 0, signal);
  }
}
