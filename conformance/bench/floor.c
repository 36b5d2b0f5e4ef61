/* SPDX-License-Identifier: Apache-2.0 */
// floor BUNDLE COMMAND [STATE]: what a command costs when nothing is decided at run time.
//
//   run                    a container of the config that `spec` writes, with BUNDLE/rootfs and /bin/true
//   run-without-cgroups    the same without cgroups: what they cost is the difference
//   create STATE           the same up to execve(2), with a FIFO that it waits at; STATE is a directory to make, and the cgroup's name
//   start STATE, delete STATE
//   keep STATE             create and start, with a program that sleeps
//   exec STATE             /bin/true in that container
//
// The kernel work of a runtime, as lean as plain C can be: a cgroup in every version 1 hierarchy with the default device rules, one
// clone3 with the five namespaces, the same mounts, devices, read-only and masked paths, pivot_root, capabilities, execve, wait, and
// the removal of the cgroups. A yardstick for the benchmark, nothing else: it checks little and cleans up badly on errors.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

static void Check(int result, const char *what) {
  if (result >= 0) return;
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static void Write(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  Check(fd, path);
  Check((int)write(fd, text, strlen(text)), path);
  close(fd);
}

static void Copy(const char *from, const char *to) {
  char text[256];
  int fd = open(from, O_RDONLY | O_CLOEXEC);
  Check(fd, from);
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  Write(to, text);
}

static char controllers[16][32];
static int controller_count;

static void FindControllers(void) {
  DIR *dir = opendir(CGROUP_ROOT);
  if (dir == NULL) Check(-1, CGROUP_ROOT);
  struct dirent *entry;
  while ((entry = readdir(dir)) != NULL && controller_count < 16) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    if (strcmp(entry->d_name, "unified") == 0) continue;
    snprintf(controllers[controller_count++], 32, "%s", entry->d_name);
  }
  closedir(dir);
}

static const char *const kDeviceRules[] = {
    "c *:* m",     "b *:* m",     "c 1:3 rwm",   "c 1:8 rwm",   "c 1:7 rwm",
    "c 5:0 rwm",   "c 1:5 rwm",   "c 1:9 rwm",   "c 136:* rwm", "c 5:2 rwm",
};

static void MakeCgroups(const char *name) {
  char path[128];
  for (int i = 0; i < controller_count; i++) {
    snprintf(path, sizeof path, CGROUP_ROOT "/%s/%s", controllers[i], name);
    Check(mkdir(path, 0755), path);
    if (strcmp(controllers[i], "cpuset") == 0) {
      char to[160];
      snprintf(to, sizeof to, "%s/cpuset.cpus", path);
      Copy(CGROUP_ROOT "/cpuset/cpuset.cpus", to);
      snprintf(to, sizeof to, "%s/cpuset.mems", path);
      Copy(CGROUP_ROOT "/cpuset/cpuset.mems", to);
    }
    if (strcmp(controllers[i], "devices") == 0) {
      char file[160];
      snprintf(file, sizeof file, "%s/devices.deny", path);
      Write(file, "a");
      snprintf(file, sizeof file, "%s/devices.allow", path);
      for (size_t j = 0; j < sizeof kDeviceRules / sizeof *kDeviceRules; j++) Write(file, kDeviceRules[j]);
    }
  }
}

static void JoinCgroups(const char *name, const char *pid) {
  char path[160];
  for (int i = 0; i < controller_count; i++) {
    snprintf(path, sizeof path, CGROUP_ROOT "/%s/%s/cgroup.procs", controllers[i], name);
    Write(path, pid);
  }
}

static void RemoveCgroups(const char *name, int from) {
  char path[128];
  for (int i = from; i < controller_count; i++) {
    snprintf(path, sizeof path, CGROUP_ROOT "/%s/%s", controllers[i], name);
    Check(rmdir(path), path);
  }
}

static void Mount(const char *source, const char *target, const char *type, unsigned long flags,
                  const char *data) {
  if (mkdir(target, 0755) != 0 && errno != EEXIST) Check(-1, target);
  Check(mount(source, target, type, flags, data), target);
}

// `name` is the container's cgroup; its directory of each hierarchy is what the container sees as the hierarchy.
static void MountCgroups(const char *name) {
  const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  Mount("tmpfs", "sys/fs/cgroup", "tmpfs", flags, "mode=755");
  for (int i = 0; i < controller_count; i++) {
    char from[128], to[128];
    snprintf(from, sizeof from, CGROUP_ROOT "/%s/%s", controllers[i], name);
    snprintf(to, sizeof to, "sys/fs/cgroup/%s", controllers[i]);
    Mount(from, to, NULL, MS_BIND, NULL);
    Check(mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_RELATIME | flags, NULL), to);
  }
  Check(mount(NULL, "sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL), "cgroup");
}

static void MakeDevices(void) {
  static const struct {
    const char *path;
    unsigned major, minor;
  } kDevices[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5},   {"dev/full", 1, 7},
                  {"dev/tty", 5, 0},  {"dev/random", 1, 8}, {"dev/urandom", 1, 9}};
  umask(0);
  for (size_t i = 0; i < sizeof kDevices / sizeof *kDevices; i++) {
    Check(mknod(kDevices[i].path, S_IFCHR | 0666, makedev(kDevices[i].major, kDevices[i].minor)),
          kDevices[i].path);
    Check(chown(kDevices[i].path, 0, 0), kDevices[i].path);
  }
  Check(symlink("pts/ptmx", "dev/ptmx"), "dev/ptmx");
  Check(symlink("/proc/self/fd", "dev/fd"), "dev/fd");
  Check(symlink("/proc/self/fd/0", "dev/stdin"), "dev/stdin");
  Check(symlink("/proc/self/fd/1", "dev/stdout"), "dev/stdout");
  Check(symlink("/proc/self/fd/2", "dev/stderr"), "dev/stderr");
  Check(symlink("/proc/kcore", "dev/core"), "dev/core");
  umask(022);
}

static void ProtectPaths(void) {
  static const char *const kReadonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};
  static const char *const kMasked[] = {
      "/proc/acpi",         "/proc/asound",      "/proc/kcore",       "/proc/keys",
      "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
      "/sys/firmware",      "/proc/scsi"};
  for (size_t i = 0; i < sizeof kReadonly / sizeof *kReadonly; i++) {
    if (mount(kReadonly[i], kReadonly[i], NULL, MS_BIND | MS_REC, NULL) != 0) continue;
    Check(mount(NULL, kReadonly[i], NULL,
                MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL),
          kReadonly[i]);
  }
  for (size_t i = 0; i < sizeof kMasked / sizeof *kMasked; i++) {
    if (mount("/dev/null", kMasked[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT) continue;
    if (errno == ENOTDIR) Check(mount("tmpfs", kMasked[i], "tmpfs", MS_RDONLY, ""), kMasked[i]);
  }
}

static void RaiseLoopback(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  Check(fd, "socket");
  Check(ioctl(fd, SIOCSIFFLAGS, &request), "SIOCSIFFLAGS");
  close(fd);
}

static void LimitPrivileges(void) {
  const uint64_t kept = 1ULL << CAP_AUDIT_WRITE | 1ULL << CAP_KILL | 1ULL << CAP_NET_BIND_SERVICE;
  for (int i = 0; i <= CAP_LAST_CAP; i++) {
    if ((kept >> i & 1) == 0) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  }
  Check((int)syscall(SYS_setgroups, 0, NULL), "setgroups");
  Check((int)syscall(SYS_setresgid, 0, 0, 0), "setresgid");
  Check((int)syscall(SYS_setresuid, 0, 0, 0), "setresuid");
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{(uint32_t)kept, (uint32_t)kept, 0}, {0, 0, 0}};
  Check((int)syscall(SYS_capset, &header, data), "capset");
  Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

static void Execute(char *const *args) {
  Check((int)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
  char *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", NULL};
  execve(args[0], args, env);
  Check(-1, "execve");
}

// `fifo` is waited at before the program is executed, after a byte to `ready`; both -1 where nobody waits.
static void Contain(const char *rootfs, const char *cgroup, int fifo, int ready, char *const *args) {
  const unsigned long safe = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  setsid();
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.floor");
  RaiseLoopback();
  Check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
  Check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), "bind rootfs");
  Check(chdir(rootfs), "chdir");
  Mount("proc", "proc", "proc", 0, NULL);
  Mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
  Mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
        "newinstance,ptmxmode=0666,mode=0620,gid=5");
  Mount("shm", "dev/shm", "tmpfs", safe, "mode=1777,size=65536k");
  Mount("mqueue", "dev/mqueue", "mqueue", safe, NULL);
  Mount("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL);
  MountCgroups(cgroup);
  MakeDevices();
  Check((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
  Check(umount2(".", MNT_DETACH), "umount");
  Check(chdir("/"), "chdir /");
  Check(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "remount /");
  Check(sethostname("floor", 5), "sethostname");
  ProtectPaths();
  struct rlimit files = {1024, 1024};
  Check(setrlimit(RLIMIT_NOFILE, &files), "setrlimit");
  LimitPrivileges();
  if (fifo >= 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fifo);
    Check((int)write(ready, "", 1), "ready");
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    Check(fd, path);
    Check((int)write(fd, "", 1), path);
  }
  Execute(args);
}

static char *const kTrue[] = {"/bin/true", NULL};
static char *const kSleep[] = {"/bin/sleep", "1000", NULL};

// Its first process; it goes on when a byte is written to `sync`.
static pid_t Make(const char *rootfs, const char *name, int *sync, int fifo, char *const *args) {
  struct clone_args clone = {
      .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
      .exit_signal = SIGCHLD,
  };
  if (name[0] != '\0') MakeCgroups(name);
  pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof clone);
  Check(pid, "clone3");
  char byte = 0;
  if (pid == 0) {
    // If the parent fails, nobody else would end the wait.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Check((int)read(sync[1], &byte, 1), "sync");
    if (fifo >= 0) prctl(PR_SET_PDEATHSIG, 0);
    Contain(rootfs, name, fifo, sync[1], args);
  }
  char pid_text[16];
  snprintf(pid_text, sizeof pid_text, "%d", pid);
  if (name[0] != '\0') JoinCgroups(name, pid_text);
  return pid;
}

static int Ended(pid_t pid) {
  int status = 0;
  Check(waitpid(pid, &status, 0), "waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int Run(const char *rootfs, int has_cgroups) {
  char name[32] = "";
  if (has_cgroups) snprintf(name, sizeof name, "floor-%d", getpid());
  int sync[2];
  Check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync), "socketpair");
  pid_t pid = Make(rootfs, name, sync, -1, kTrue);
  char byte = 0;
  Check((int)write(sync[0], &byte, 1), "sync");
  int status = Ended(pid);
  if (has_cgroups) RemoveCgroups(name, 0);
  return status;
}

static const char *NameOf(const char *state) {
  const char *slash = strrchr(state, '/');
  return slash == NULL ? state : slash + 1;
}

static pid_t PidOf(const char *state) {
  char path[600], text[16] = "";
  snprintf(path, sizeof path, "%s/pid", state);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  Check(fd, path);
  Check((int)read(fd, text, sizeof text - 1), path);
  close(fd);
  return atoi(text);
}

static void Create(const char *rootfs, const char *state, char *const *args) {
  char path[600], text[16];
  Check(mkdir(state, 0711), state);
  snprintf(path, sizeof path, "%s/start", state);
  Check(mkfifo(path, 0622), path);
  int fifo = open(path, O_PATH | O_CLOEXEC);
  Check(fifo, path);
  int sync[2];
  Check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync), "socketpair");
  pid_t pid = Make(rootfs, NameOf(state), sync, fifo, args);
  snprintf(path, sizeof path, "%s/pid", state);
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  Check(fd, path);
  int length = snprintf(text, sizeof text, "%d", pid);
  Check((int)write(fd, text, (size_t)length), path);
  char byte = 0;
  Check((int)write(sync[0], &byte, 1), "sync");
  Check((int)read(sync[0], &byte, 1), "ready");
}

static void Start(const char *state) {
  char path[600], byte;
  snprintf(path, sizeof path, "%s/start", state);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  Check(fd, path);
  Check((int)read(fd, &byte, 1), path);
  Check(unlink(path), path);
}

static void Delete(const char *state) {
  char path[600];
  // Nothing happens where it has ended.
  kill(PidOf(state), SIGKILL);
  snprintf(path, sizeof path, CGROUP_ROOT "/%s/%s", controllers[0], NameOf(state));
  // Until the kernel has taken the last process out.
  while (rmdir(path) != 0) {
    if (errno != EBUSY) Check(-1, path);
  }
  RemoveCgroups(NameOf(state), 1);
  snprintf(path, sizeof path, "%s/pid", state);
  Check(unlink(path), path);
  Check(rmdir(state), state);
}

static int Exec(const char *state) {
  pid_t pid = PidOf(state);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  Check(pidfd, "pidfd_open");
  char path[160], text[16];
  snprintf(text, sizeof text, "%d", getpid());
  for (int i = 0; i < controller_count; i++) {
    // A single thread: `tasks` waits for nothing.
    snprintf(path, sizeof path, CGROUP_ROOT "/%s/%s/tasks", controllers[i], NameOf(state));
    Write(path, text);
  }
  Check(setns(pidfd, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS), "setns");
  pid_t child = fork();
  Check(child, "fork");
  if (child == 0) {
    setsid();
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.floor");
    LimitPrivileges();
    Execute(kTrue);
  }
  return Ended(child);
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) return 2;
  char rootfs[512];
  snprintf(rootfs, sizeof rootfs, "%s/rootfs", argv[1]);
  FindControllers();
  const char *command = argv[2];
  if (strcmp(command, "run") == 0) return Run(rootfs, 1);
  if (strcmp(command, "run-without-cgroups") == 0) return Run(rootfs, 0);
  if (argc != 4) return 2;
  const char *state = argv[3];
  if (strcmp(command, "exec") == 0) return Exec(state);
  if (strcmp(command, "create") == 0) Create(rootfs, state, kTrue);
  else if (strcmp(command, "start") == 0) Start(state);
  else if (strcmp(command, "delete") == 0) Delete(state);
  else if (strcmp(command, "keep") == 0) Create(rootfs, state, kSleep), Start(state);
  else return 2;
  return 0;
}
