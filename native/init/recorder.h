// SPDX-License-Identifier: Apache-2.0
// A process beside the container that answers the listeners of its recorded processes: it notes each system call, and lets it
// go on.
//
// Two processes share the descriptors and the notes. One answers. The other waits for its end, and has another one go on where
// that was killed, so that a container's calls do not fail for want of a reader. When no process of the container is left, the
// one that waits executes the program that makes a profile of the notes.

#ifndef RUNT_INIT_RECORDER_H_
#define RUNT_INIT_RECORDER_H_

#include <cstddef>
#include <cstdint>

namespace runt {

// The notes: a file in memory that the runtime has made, with the policies in it. lib/seccomp/notes.ts reads it.
//
//   0      Notes
//   2048   policies
//   8192   the index: numbers of entries from 1, by hash
//   24576  entries
inline constexpr std::uint32_t kNotesMagic = 0x43455252;
inline constexpr std::size_t kMaxPolicies = 96;
inline constexpr std::size_t kPolicyOffset = 2048;
inline constexpr std::size_t kIndexOffset = 8192;
inline constexpr std::size_t kIndexSize = 8192;
inline constexpr std::size_t kEntryOffset = 24576;
inline constexpr std::size_t kMaxEntries = 4096;
// Different arguments of one call that are noted.
inline constexpr std::uint32_t kMaxOfPolicy = 256;
inline constexpr std::size_t kMaxListeners = 256;

// What of a call's arguments is noted: the bits of a mask; 0 is nothing of that argument.
struct RecordPolicy {
  std::uint32_t architecture;
  std::uint32_t call;
  std::uint64_t masks[6];
};

struct RecordEntry {
  std::uint32_t architecture;
  std::uint32_t call;
  std::uint64_t values[6];
  std::uint64_t reserved;
};

// struct seccomp_notif.
struct Notification {
  std::uint64_t id;
  std::uint32_t pid;
  std::uint32_t flags;
  std::int32_t call;
  std::uint32_t architecture;
  std::uint64_t instruction;
  std::uint64_t arguments[6];
};

struct Notes {
  std::uint32_t magic;
  std::uint32_t policy_count;
  std::uint32_t entry_count;
  // kNotes*
  std::uint32_t flags;
  std::uint32_t listener_count;
  // The listener of `pending`, from its receipt until it is answered.
  std::int32_t pending_listener;
  Notification pending;
  std::int32_t listeners[kMaxListeners];
  // How many arguments each policy has noted.
  std::uint32_t noted[kMaxPolicies];
};

// No process is left, and all is noted.
inline constexpr std::uint32_t kNotesFinished = 1;
// Entries, or arguments of a call, are missing for want of room.
inline constexpr std::uint32_t kNotesFull = 2;
// A listener has come.
inline constexpr std::uint32_t kNotesBegun = 4;

static_assert(sizeof(RecordPolicy) == 56 && sizeof(RecordEntry) == 64 && sizeof(Notification) == 80);
static_assert(sizeof(Notes) <= kPolicyOffset);
static_assert(kPolicyOffset + kMaxPolicies * sizeof(RecordPolicy) <= kIndexOffset);
static_assert(kIndexOffset + kIndexSize * sizeof(std::uint16_t) == kEntryOffset);
static_assert(kMaxEntries < kIndexSize);

// Notes the call of a notification.
void NoteCall(Notes* notes, const Notification& notification);

// Does all that, with these descriptors:
//
//   3   the notes
//   4   a socket that brings RECORD with a listener, or without one: no process is left
//   5   the runtime, as long as the container is being made: any message is the order to give up. Its end is one where no
//   listener has
//       come
//   6   the program for the end; it gets `arguments`, with the notes as 3. It keeps 4 open until it ends
[[noreturn]] void Record(char** arguments, char* program_name);

}  // namespace runt

#endif  // RUNT_INIT_RECORDER_H_
