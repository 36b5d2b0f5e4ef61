// SPDX-License-Identifier: Apache-2.0
#include "../init/recorder.h"

#include <cstring>
#include <vector>

#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

constexpr std::uint32_t kMachine = 0xc000003e;

// Notes with one policy: of call 41 all of argument 0, and the low bits of argument 2.
class Room {
 public:
  Room() : bytes_(kEntryOffset + kMaxEntries * sizeof(RecordEntry)) {
    notes()->magic = kNotesMagic;
    notes()->policy_count = 1;
    const RecordPolicy policy{kMachine, 41, {~std::uint64_t{0}, 0, 0xff, 0, 0, 0}};
    std::memcpy(bytes_.data() + kPolicyOffset, &policy, sizeof policy);
  }

  Notes* notes() { return reinterpret_cast<Notes*>(bytes_.data()); }
  const RecordEntry& entry(std::size_t index) {
    return reinterpret_cast<const RecordEntry*>(bytes_.data() + kEntryOffset)[index];
  }
  void Call(std::uint32_t call, std::uint64_t first = 0, std::uint64_t third = 0, std::uint32_t machine = kMachine) {
    Notification notification{};
    notification.call = static_cast<std::int32_t>(call);
    notification.architecture = machine;
    notification.arguments[0] = first;
    notification.arguments[1] = 77;
    notification.arguments[2] = third;
    NoteCall(notes(), notification);
  }

 private:
  std::vector<unsigned char> bytes_;
};

}  // namespace

void TestRecorder() {
  {
    Room room;
    for (int i = 0; i < 3; ++i) room.Call(1, static_cast<std::uint64_t>(i));
    Ok(room.notes()->entry_count == 1, "recorder: a call without a policy is noted once, whatever its arguments");
    Ok(room.entry(0).call == 1 && room.entry(0).values[0] == 0, "recorder: and without them");
    room.Call(1, 0, 0, 0x40000003);
    Ok(room.notes()->entry_count == 2, "recorder: once for each architecture");
  }
  {
    Room room;
    room.Call(41, 2, 0x101);
    room.Call(41, 2, 0x201);
    room.Call(41, 10, 1);
    Ok(room.notes()->entry_count == 2, "recorder: arguments count under their masks");
    const RecordEntry& first = room.entry(0);
    Ok(first.values[0] == 2 && first.values[1] == 0 && first.values[2] == 1, "recorder: and are noted so");
    room.Call(41, 2, 0, 0x40000003);
    Ok(room.entry(2).values[0] == 0, "recorder: a policy is for its architecture");
  }
  {
    Room room;
    for (std::uint64_t i = 0; i < 2 * kMaxOfPolicy; ++i) room.Call(41, i);
    Ok(room.notes()->entry_count == kMaxOfPolicy && (room.notes()->flags & kNotesFull) != 0, "recorder: a limit for one call");
    room.Call(2);
    Ok(room.notes()->entry_count == kMaxOfPolicy + 1, "recorder: leaves room for the others");
  }
  {
    Room room;
    for (std::uint32_t call = 1024; call < 90'000; call += 7) room.Call(call);
    room.Call(0xffffffff);
    Ok(room.notes()->entry_count == 0, "recorder: numbers that no name belongs to are not noted");
    for (std::uint32_t machine = 1; machine < 20; ++machine) {
      for (std::uint32_t call = 0; call < 1024; ++call) room.Call(call, 0, 0, machine);
    }
    Ok(room.notes()->entry_count == kMaxEntries && (room.notes()->flags & kNotesFull) != 0,
       "recorder: more than there is room for");
  }
}

}  // namespace runt::test
