// SPDX-License-Identifier: Apache-2.0
#include "../../base/file.h"
#include "../../base/kernel.h"
#include "../../base/socket.h"
#include "../../base/syscall.h"
#include "../mount_api.h"
#include "../mount_target.h"
#include "../new_mount.h"
#include "../places.h"
#include "steps.h"

namespace runt {

namespace {

constexpr std::uint64_t kPtmxInode = 2;
constexpr std::uint32_t kPtmxMajor = 5;
constexpr std::uint32_t kPtmxMinor = 2;
constexpr std::string_view kPtmx = "/dev/pts/ptmx";
constexpr std::string_view kConsole = "/dev/console";

// The multiplexer of the container's devpts, verified before it is opened: opening a device node
// that an image put there could do anything (CVE-2025-52565).
Result<UniqueFd> OpenMaster(Context& context) {
  const UniqueFd ptmx = TRY(OpenPlace(context, kPtmx, O_PATH | O_NOFOLLOW));
  FileFacts facts;
  TRY(Check(GetFacts(ptmx.get(), &facts), Call::kFstat, kPtmx));
  if (FilesystemMagic(ptmx.get()) != DEVPTS_SUPER_MAGIC || facts.inode != kPtmxInode || facts.type() != kTypeCharacter ||
      facts.major != kPtmxMajor || facts.minor != kPtmxMinor) {
    return Error{ENODEV, Call::kVerify, kPtmx};
  }
  return context.procfs.Reopen(ptmx.get(), O_RDWR | O_NOCTTY, kPtmx);
}

// Only where the mount namespace is this container's own: `exec` leaves /dev/console alone.
Status BindConsole(Context& context, int slave) {
  const ParentDirectory parent = TRY(MakePlaceParent(context, kConsole));
  const long made = Syscall(__NR_mknodat, parent.directory.get(), parent.name.c_str(), kTypeRegular | 0666, 0);
  if (made < 0 && made != -EEXIST) return Error{static_cast<int>(-made), Call::kMknodat, kConsole};
  const UniqueFd target = TRY(OpenChild(parent, O_PATH, kConsole));
  FileFacts facts;
  TRY(Check(GetFacts(target.get(), &facts), Call::kFstat, kConsole));
  if (facts.type() == kTypeLink || facts.IsDirectory()) return Error{ELOOP, Call::kVerify, kConsole};
  // /dev may be a link of the image into /proc.
  TRY(VerifyMountTarget(context, target.get(), false));
  const UniqueFd node = TRY(CloneMount(context, slave, false, target.get(), kConsole));
  return AttachMount(context, node.get(), target.get(), kConsole);
}

// Before the program can print anything.
Status EndLinesWithLineFeed(int slave) {
  TerminalSettings settings;
  TRY(Check(Syscall(__NR_ioctl, slave, TCGETS, &settings), Call::kIoctl, "TCGETS"));
  settings.output_flags &= ~kOnlcr;
  return Check(Syscall(__NR_ioctl, slave, TCSETS, &settings), Call::kIoctl, "TCSETS");
}

}  // namespace

Status Console(Context& context, const ConsoleStep& step) {
  if (context.root.fd() < 0) {
    context.root =
        RootedPath(TRY(CheckedFd(Syscall(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), Call::kOpen, "/")));
  }
  const UniqueFd master = TRY(OpenMaster(context));
  int unlocked = 0;
  TRY(Check(Syscall(__NR_ioctl, master.get(), TIOCSPTLCK, &unlocked), Call::kIoctl, "TIOCSPTLCK"));
  unsigned number = 0;
  TRY(Check(Syscall(__NR_ioctl, master.get(), TIOCGPTN, &number), Call::kIoctl, "TIOCGPTN"));
  const UniqueFd slave =
      TRY(CheckedFd(Syscall(__NR_ioctl, master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), Call::kIoctl, "TIOCGPTPEER"));
  if (step.height != 0 || step.width != 0) {
    const WindowSize size = {static_cast<std::uint16_t>(step.height), static_cast<std::uint16_t>(step.width), 0, 0};
    TRY(Check(Syscall(__NR_ioctl, slave.get(), TIOCSWINSZ, &size), Call::kIoctl, "TIOCSWINSZ"));
  }
  if (step.relayed != 0) TRY(EndLinesWithLineFeed(slave.get()));
  if (context.owns_mounts) TRY(BindConsole(context, slave.get()));
  Text<32> name("/dev/pts/");
  name.AddNumber(number);
  TRY(Check(SendMessage(context.Slot(step.slot), name.c_str(), name.view().size(), master.get()), Call::kSendmsg,
            "console socket"));
  TRY(Check(Syscall(__NR_ioctl, slave.get(), TIOCSCTTY, 0), Call::kIoctl, "TIOCSCTTY"));
  for (int fd = 0; fd <= 2; ++fd) {
    TRY(Check(Syscall(__NR_dup3, slave.get(), fd, 0), Call::kDup3, "stdio"));
  }
  context.has_console = true;
  return {};
}

}  // namespace runt
