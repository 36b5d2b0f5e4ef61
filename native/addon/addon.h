// SPDX-License-Identifier: Apache-2.0
// The functions of the addon, by family. Each is one system call (or the few that cannot be told
// apart); lib/sys/native.ts says what they mean. A negative int is -errno.
#ifndef RUNT_ADDON_ADDON_H_
#define RUNT_ADDON_ADDON_H_

#include <cerrno>

#include "arguments.h"

namespace runt::addon {

// The result of a libc call as JavaScript gets it: -errno instead of -1.
[[nodiscard]] inline int OrErrno(long result) { return result < 0 ? -errno : static_cast<int>(result); }

// Repeats a call that a signal has interrupted: JavaScript engines send signals to their own
// threads.
template <class F>
[[nodiscard]] auto Retry(F call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// files.cc
int Open(int dirfd, const Path& path, int flags, uint32_t mode);
int Close(int fd);
int Dup(int fd);
Napi::Value ReadFile(Napi::Env env, int dirfd, const Path& path, int64_t limit);
Napi::Value ReadUtf8File(Napi::Env env, int dirfd, const Path& path, int64_t limit);
Napi::Value ReadAtOnce(Napi::Env env, int dirfd, const Path& path, int64_t limit);
int WriteFile(int dirfd, const Path& path, int flags, uint32_t mode, const Bytes& data);
int Read(int fd, const Buffer& buffer);
int ReadAt(int fd, const Buffer& buffer, uint32_t offset);
int Write(int fd, const Bytes& data);
int Flock(int fd, int operation);
int Fcntl(int fd, int command, int64_t argument);
Napi::Value Pipe(Napi::Env env);
int IoctlInt(int fd, uint32_t request, int64_t argument);

// paths.cc
int Mkdir(int dirfd, const Path& path, uint32_t mode);
int Unlink(int dirfd, const Path& path);
int Rmdir(int dirfd, const Path& path);
int Rename(int old_dirfd, const Path& old_path, int new_dirfd, const Path& new_path);
int Exchange(int dirfd, const Path& one, const Path& other);
int Symlink(const Path& target, int dirfd, const Path& path);
Napi::Value Readlink(Napi::Env env, int dirfd, const Path& path);
int Fchmod(int fd, uint32_t mode);
int Mknod(int dirfd, const Path& path, uint32_t mode, uint32_t major_number, uint32_t minor_number);
int Link(int old_dirfd, const Path& old_path, int new_dirfd, const Path& new_path);
int Utimes(int dirfd, const Path& path, int64_t seconds, int64_t nanoseconds);
int Setxattr(int fd, const Path& name, const Bytes& value);
Napi::Value Getxattrs(Napi::Env env, int fd);
int Mkfifo(int dirfd, const Path& path, uint32_t mode);
int Chmod(int dirfd, const Path& path, uint32_t mode);
int Chown(int dirfd, const Path& path, uint32_t uid, uint32_t gid);
Napi::Value Stat(Napi::Env env, int dirfd, const Path& path, bool follow);
double Owner(int dirfd, const Path& path);
Napi::Value Statfs(Napi::Env env, const Path& path);
int Access(int dirfd, const Path& path, int mode);
Napi::Value Readdir(Napi::Env env, int dirfd, const Path& path);

// mounts.cc
// Runs `act` in a child with the memory and the descriptors of this process, and waits for it; 0 or -errno. `flags` are further
// ones of clone(2).
int InChild(int (*act)(void*), void* argument, int flags);
int OpenTree(const Path& path, bool recursive, bool follow);
int OpenTreeIn(int mount_namespace, int root, const Path& path, bool recursive, bool follow);
int OpenPathIn(int mount_namespace, int root, const Path& path, bool follow);
int MoveMount(int fd, const Path& target);
int Mount(const Path& source, const Path& target, uint32_t flags);
int Unmount(const Path& path);
int MountSetattr(int fd, bool recursive, uint32_t set, uint32_t clear, uint32_t propagation, int user_namespace);

// spawn.cc
Napi::Value Spawn(Napi::Env env, Napi::Object& options);
int SpawnError(int pid);

// process.cc
int PidfdOpen(int pid);
// Call it before the descriptor is closed.
void ForgetPidfd(int fd);
int PidfdKill(int pidfd, int signal);
int PidfdGetfd(int pidfd, int fd);
Napi::Value PidfdExit(Napi::Env env, int pidfd);
Napi::Value NamespaceId(Napi::Env env, int fd);
int Eventfd();
int Epoll(const std::vector<int>& fds);
int Inotify();
int InotifyAdd(int fd, const Path& path, uint32_t mask);
int Kill(int pid, int signal);
Napi::Value Waitpid(Napi::Env env, int pid, bool no_hang);
int Poll(const Words& fds, int timeout_ms);
int Prctl(int option, int64_t argument);
int Umask(uint32_t mask);
int Prlimit(int pid, int resource, uint64_t soft, uint64_t hard);
int SchedSetattr(int pid, uint32_t policy, uint64_t flags, int nice, uint32_t priority, uint64_t runtime, uint64_t deadline,
                 uint64_t period);
int IoprioSet(int pid, uint32_t value);
double Now();
Napi::Value ProcStat(Napi::Env env, int pid);
Napi::Value KernelRelease(Napi::Env env);

// socket.cc
Napi::Value Socketpair(Napi::Env env, int type);
int ConnectUnix(const Path& path, std::optional<int> type);
int BindUnix(const Path& path, int type);
int NetlinkSocket(int network_namespace);
int SendMessage(int fd, const Bytes& data, const std::vector<int>& fds);
Napi::Value ReceiveMessage(Napi::Env env, int fd, const Buffer& buffer);

// memfd.cc
int SealedMemfd(const Path& name, const Bytes& data);
int SealedCopy(const Path& name, const Path& path);
int SealedInit(const Path& name);
int Memfd(const Path& name);

// bpf.cc
int BpfLoadDevice(const Path& name, const Bytes& program);
int BpfAttachDevice(int cgroup, int program, int replaced);
int BpfDetachDevice(int cgroup, int program);
Napi::Value BpfQueryDevice(Napi::Env env, int cgroup);
int BpfProgramFd(int64_t id);

// json.cc
bool IsPlainJson(const Bytes& text, uint32_t depth);

// plan.cc
Napi::Value EncodePlan(Napi::Env env, const Napi::Object& steps, const Napi::Object& layouts, uint32_t magic, uint32_t version);

// sha256.cc
Napi::Value Sha256Of(Napi::Env env, const Bytes& data);

// tty.cc
Napi::Value TtyRaw(Napi::Env env, int fd);
int TtyRestore(int fd, const Buffer& saved);
Napi::Value TtyGetSize(Napi::Env env, int fd);
int TtySetSize(int fd, uint32_t height, uint32_t width);
bool Isatty(int fd);

// memory.cc
int EpollWaitSmall(int epoll, const Words& ready, int timeout_ms);

// events.cc
int EpollSet(int epoll, int fd, uint32_t events);
int EpollWait(int epoll, const Words& ready, int timeout_ms);
int Accept(int fd);
int ReadableBytes(int fd);
int LoopAttach(int device, int file, int64_t flags);
int MountFileSystem(const Path& source, const Path& target, const Path& type, int64_t flags, const Path& data,
                    const Path& directory);
int SchedCore(int pid, bool group);

// signals.cc
int Signalfd(const std::vector<int>& signals);
int SignalfdRead(int fd);
bool IsSignalIgnored(int signal);
// A signal that may end the process has come and is unread.
bool IsEndWanted();
int SignalsEnd(const std::vector<int>& signals);

}  // namespace runt::addon

#endif  // RUNT_ADDON_ADDON_H_
