// SPDX-License-Identifier: Apache-2.0
#include "recorder.h"

#include <linux/ioctl.h>
#include <linux/seccomp.h>

#include "../base/kernel.h"
#include "../base/socket.h"
#include "../base/start.h"
#include "../base/syscall.h"
#include "../plan/messages.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

namespace runt {

namespace {

constexpr int kNotesFd = 3;
constexpr int kSocketFd = 4;
constexpr int kRuntimeFd = 5;
constexpr int kProgramFd = 6;
constexpr std::string_view kName = "runt:[0:RECORD]";
// SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (6.6): reader and caller take turns on one processor.
constexpr unsigned long kSyncWakeUp = 1;
// Numbers that a name can belong to: those below, with the bit of x32 or in the range of arm's own.
constexpr std::uint32_t kEndOfNumbers = 1024;
constexpr std::uint32_t kX32 = 0x40000000;
constexpr std::uint32_t kArmOwn = 0xf0000;
constexpr std::uint32_t kArmOwnEnd = 0xf0010;

constexpr std::size_t kNotesSize = kEntryOffset + kMaxEntries * sizeof(RecordEntry);

// Exit statuses of the process that answers.
constexpr int kAllNoted = 0;
constexpr int kGivenUp = 2;

static_assert(sizeof(Notification) == sizeof(struct seccomp_notif));

template <typename T>
T* At(Notes* notes, std::size_t offset) {
  return reinterpret_cast<T*>(reinterpret_cast<char*>(notes) + offset);
}

bool HasName(std::uint32_t call) { return (call & ~kX32) < kEndOfNumbers || (call >= kArmOwn && call < kArmOwnEnd); }

std::uint64_t Hash(const RecordEntry& entry) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t hash = 0xcbf29ce484222325;
  const auto mix = [&](std::uint64_t value) {
    hash = (hash ^ value) * kPrime;
    hash ^= hash >> 29;
  };
  mix((static_cast<std::uint64_t>(entry.architecture) << 32) | entry.call);
  for (const std::uint64_t value : entry.values) mix(value);
  return hash;
}

bool IsSame(const RecordEntry& one, const RecordEntry& other) {
  if (one.call != other.call || one.architecture != other.architecture) return false;
  for (int i = 0; i < 6; ++i) {
    if (one.values[i] != other.values[i]) return false;
  }
  return true;
}

// Adds an entry unless it is there. `noted` counts those of its policy; nullptr without one.
void Add(Notes* notes, const RecordEntry& entry, std::uint32_t* noted) {
  auto* const index = At<std::uint16_t>(notes, kIndexOffset);
  auto* const entries = At<RecordEntry>(notes, kEntryOffset);
  std::size_t place = Hash(entry) % kIndexSize;
  while (index[place] != 0) {
    if (IsSame(entries[index[place] - 1], entry)) return;
    place = (place + 1) % kIndexSize;
  }
  if (notes->entry_count >= kMaxEntries || (noted != nullptr && *noted >= kMaxOfPolicy)) {
    notes->flags |= kNotesFull;
    return;
  }
  entries[notes->entry_count] = entry;
  notes->entry_count += 1;
  index[place] = static_cast<std::uint16_t>(notes->entry_count);
  if (noted != nullptr) *noted += 1;
}

// Receives the next notification of a listener, notes it, and lets the call go on. The notification is in the notes meanwhile:
// where this process is killed, the next one answers it.
void Answer(Notes* notes, int listener) {
  notes->pending_listener = listener;
  const long received = Syscall(__NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_RECV, &notes->pending);
  if (received >= 0) {
    NoteCall(notes, notes->pending);
    struct seccomp_notif_resp response = {};
    response.id = notes->pending.id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    // ENOENT: the caller was killed meanwhile.
    Syscall(__NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
  // The kernel wants zeros.
  notes->pending = {};
  notes->pending_listener = 0;
}

void AnswerPending(Notes* notes) {
  if (notes->pending_listener <= 0) return;
  struct seccomp_notif_resp response = {};
  response.id = notes->pending.id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (response.id != 0) {
    NoteCall(notes, notes->pending);
    Syscall(__NR_ioctl, notes->pending_listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
  notes->pending = {};
  notes->pending_listener = 0;
}

void Finish(Notes* notes) {
  // Without processes there are no more notifications; those that are left are of killed callers.
  for (std::uint32_t i = 0; i < notes->listener_count; ++i) Syscall(__NR_close, notes->listeners[i]);
  notes->listener_count = 0;
  notes->flags |= kNotesFinished;
}

void TakeMessage(Notes* notes) {
  ControlMessage message{};
  ReceivedMessage received;
  if (ReceiveMessage(kSocketFd, &message, sizeof message, &received) < 0) return;
  const bool known = received.size == sizeof message && message.kind == Message::kRecord;
  std::size_t first = 0;
  if (known && received.fd_count > 0) {
    const int listener = received.fds[0];
    first = 1;
    Syscall(__NR_ioctl, listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, kSyncWakeUp);
    notes->listeners[notes->listener_count] = listener;
    notes->listener_count += 1;
    notes->flags |= kNotesBegun;
  }
  for (std::size_t i = first; i < received.fd_count; ++i) Syscall(__NR_close, received.fds[i]);
  if (known && received.fd_count == 0) Finish(notes);
}

// Whether a message waits at the socket.
bool HasMessage() {
  struct pollfd socket = {kSocketFd, POLLIN, 0};
  struct __kernel_timespec now = {0, 0};
  return Syscall(__NR_ppoll, &socket, 1, &now, nullptr, 0) > 0;
}

// Until no process is left.
void AnswerAll(Notes* notes) {
  struct pollfd fds[2 + kMaxListeners];
  int runtime = kRuntimeFd;
  AnswerPending(notes);
  while ((notes->flags & kNotesFinished) == 0) {
    const std::uint32_t count = notes->listener_count;
    // Listeners for which there is no room wait in the socket, and so do their processes.
    fds[0] = {count < kMaxListeners ? kSocketFd : -1, POLLIN, 0};
    fds[1] = {runtime, POLLIN, 0};
    for (std::uint32_t i = 0; i < count; ++i) fds[2 + i] = {notes->listeners[i], POLLIN, 0};
    if (Syscall(__NR_ppoll, fds, 2 + count, nullptr, nullptr, 0) < 0) continue;
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const int listener = notes->listeners[i];
      const short events = fds[2 + i].revents;
      if ((events & POLLIN) != 0) Answer(notes, listener);
      // POLLHUP (5.9): no process has the filter any more.
      if ((events & (POLLHUP | POLLERR | POLLNVAL)) != 0 && (events & POLLIN) == 0) {
        Syscall(__NR_close, listener);
      } else {
        notes->listeners[kept++] = listener;
      }
    }
    notes->listener_count = kept;
    if (fds[0].revents != 0) TakeMessage(notes);
    if (fds[1].revents != 0) {
      char order = 0;
      if (Syscall(__NR_read, kRuntimeFd, &order, 1) > 0) ExitProcess(kGivenUp);
      if ((notes->flags & kNotesBegun) == 0 && !HasMessage()) ExitProcess(kGivenUp);
      runtime = -1;
    }
    if (notes->listener_count == 0 && (notes->flags & kNotesBegun) != 0 && !HasMessage()) Finish(notes);
  }
}

[[noreturn]] void MakeProfile(char** arguments) {
  const char* const environment[] = {nullptr};
  Syscall(__NR_close, kRuntimeFd);
  Syscall(__NR_fcntl, kProgramFd, F_SETFD, FD_CLOEXEC);
  Syscall(__NR_execveat, kProgramFd, "", arguments, environment, AT_EMPTY_PATH);
  ExitProcess(1);
}

void ShowName(char* program_name) {
  if (std::string_view(program_name).size() == kName.size()) {
    for (std::size_t i = 0; i < kName.size(); ++i) program_name[i] = kName[i];
  }
  Syscall(__NR_prctl, PR_SET_NAME, kName.data(), 0, 0, 0);
}

Notes* MapNotes() {
  const long address = Syscall(__NR_mmap, nullptr, kNotesSize, kProtRead | kProtWrite, kMapShared, kNotesFd, 0);
  if (address < 0 && address > -4096) return nullptr;
  auto* const notes = reinterpret_cast<Notes*>(address);
  return notes->magic == kNotesMagic && notes->policy_count <= kMaxPolicies ? notes : nullptr;
}

}  // namespace

void NoteCall(Notes* notes, const Notification& notification) {
  const auto call = static_cast<std::uint32_t>(notification.call);
  if (!HasName(call)) return;
  RecordEntry entry{};
  entry.architecture = notification.architecture;
  entry.call = call;
  const auto* const policies = At<const RecordPolicy>(notes, kPolicyOffset);
  for (std::uint32_t i = 0; i < notes->policy_count; ++i) {
    if (policies[i].call != call || policies[i].architecture != notification.architecture) continue;
    for (int argument = 0; argument < 6; ++argument) {
      entry.values[argument] = notification.arguments[argument] & policies[i].masks[argument];
    }
    Add(notes, entry, &notes->noted[i]);
    return;
  }
  Add(notes, entry, nullptr);
}

void Record(char** arguments, char* program_name) {
  Syscall(__NR_setsid);
  Syscall(__NR_chdir, "/");
  ShowName(program_name);
  Syscall(__NR_ftruncate, kNotesFd, kNotesSize);
  Notes* const notes = MapNotes();
  if (notes == nullptr) ExitProcess(1);
  const long self = Syscall(__NR_getpid);
  for (;;) {
    const long child = Syscall(__NR_clone, CLONE_FILES | kSigChild, nullptr, nullptr, nullptr, nullptr);
    if (child == 0) {
      AnswerAll(notes);
      // Where the one that waits was killed, this one does its part as well.
      if (Syscall(__NR_getppid) != self) MakeProfile(arguments);
      ExitProcess(kAllNoted);
    }
    if (child < 0) ExitProcess(1);
    int status = 0;
    while (Syscall(__NR_wait4, child, &status, 0, nullptr) == -EINTR) {
    }
    const bool exited = (status & 0x7f) == 0;
    if (exited && (status >> 8) == kAllNoted) MakeProfile(arguments);
    if (exited) ExitProcess(1);
  }
}

}  // namespace runt
