// SPDX-License-Identifier: Apache-2.0
// The addon's export table: the `Native` interface of lib/sys/native.ts, and nothing else.

#include <cstddef>

#include "addon.h"

namespace runt::addon {
namespace {

template <auto F>
constexpr napi_property_descriptor Function(const char* name) {
  return {name, nullptr, kCallback<F>, nullptr, nullptr, nullptr, napi_enumerable, nullptr};
}

constexpr napi_property_descriptor kExports[] = {
    Function<Open>("open"),
    Function<Close>("close"),
    Function<Dup>("dup"),
    Function<ReadFile>("readFile"),
    Function<ReadUtf8File>("readUtf8File"),
    Function<ReadAtOnce>("readAtOnce"),
    Function<WriteFile>("writeFile"),
    Function<Read>("read"),
    Function<ReadAt>("readAt"),
    Function<Write>("write"),
    Function<Flock>("flock"),
    Function<Fcntl>("fcntl"),
    Function<Pipe>("pipe"),
    Function<IoctlInt>("ioctlInt"),

    Function<Mkdir>("mkdir"),
    Function<Unlink>("unlink"),
    Function<Rmdir>("rmdir"),
    Function<Rename>("rename"),
    Function<Exchange>("exchange"),
    Function<Symlink>("symlink"),
    Function<Readlink>("readlink"),
    Function<Mkfifo>("mkfifo"),
    Function<Mknod>("mknod"),
    Function<Link>("link"),
    Function<Utimes>("utimes"),
    Function<Setxattr>("setxattr"),
    Function<Getxattrs>("getxattrs"),
    Function<Chmod>("chmod"),
    Function<Fchmod>("fchmod"),
    Function<Chown>("chown"),
    Function<Stat>("stat"),
    Function<Owner>("owner"),
    Function<Statfs>("statfs"),
    Function<Access>("access"),
    Function<Readdir>("readdir"),

    Function<OpenTree>("openTree"),
    Function<OpenTreeIn>("openTreeIn"),
    Function<OpenPathIn>("openPathIn"),
    Function<MoveMount>("moveMount"),
    Function<Mount>("mount"),
    Function<Unmount>("unmount"),
    Function<MountSetattr>("mountSetattr"),

    Function<Spawn>("spawn"),
    Function<SpawnError>("spawnError"),

    Function<PidfdOpen>("pidfdOpen"),
    Function<PidfdKill>("pidfdKill"),
    Function<PidfdGetfd>("pidfdGetfd"),
    Function<PidfdExit>("pidfdExit"),
    Function<NamespaceId>("namespaceId"),
    Function<Eventfd>("eventfd"),
    Function<Epoll>("epoll"),
    Function<EpollSet>("epollSet"),
    Function<EpollWait>("epollWait"),
    Function<EpollWaitSmall>("epollWaitSmall"),
    Function<Accept>("accept"),
    Function<ReadableBytes>("readableBytes"),
    Function<MountFileSystem>("mountFileSystem"),
    Function<LoopAttach>("loopAttach"),
    Function<SchedCore>("schedCore"),
    Function<Kill>("kill"),
    Function<Waitpid>("waitpid"),
    Function<Poll>("poll"),
    Function<Prctl>("prctl"),
    Function<Umask>("umask"),
    Function<Prlimit>("prlimit"),
    Function<SchedSetattr>("schedSetattr"),
    Function<IoprioSet>("ioprioSet"),
    Function<Now>("now"),
    Function<ProcStat>("procStat"),
    Function<KernelRelease>("kernelRelease"),

    Function<Socketpair>("socketpair"),
    Function<ConnectUnix>("connectUnix"),
    Function<BindUnix>("bindUnix"),
    Function<NetlinkSocket>("netlinkSocket"),
    Function<SendMessage>("sendMessage"),
    Function<ReceiveMessage>("receiveMessage"),

    Function<SealedMemfd>("sealedMemfd"),
    Function<SealedCopy>("sealedCopy"),
    Function<SealedInit>("sealedInit"),
    Function<Memfd>("memfd"),

    Function<IsPlainJson>("isPlainJson"),
    Function<EncodePlan>("encodePlan"),

    Function<BpfLoadDevice>("bpfLoadDevice"),
    Function<BpfAttachDevice>("bpfAttachDevice"),
    Function<BpfDetachDevice>("bpfDetachDevice"),
    Function<BpfQueryDevice>("bpfQueryDevice"),
    Function<BpfProgramFd>("bpfProgramFd"),

    Function<Inotify>("inotify"),
    Function<InotifyAdd>("inotifyAdd"),

    Function<Sha256Of>("sha256"),

    Function<TtyRaw>("ttyRaw"),
    Function<TtyRestore>("ttyRestore"),
    Function<TtyGetSize>("ttyGetSize"),
    Function<TtySetSize>("ttySetSize"),
    Function<Isatty>("isatty"),

    Function<Signalfd>("signalfd"),
    Function<SignalfdRead>("signalfdRead"),
    Function<IsSignalIgnored>("isSignalIgnored"),
    Function<SignalsEnd>("signalsEnd"),
};

// One call for the whole table: a call for each function costs more than the rest of the loading.
Napi::Object Initialize(Napi::Env env, Napi::Object exports) {
  napi_define_properties(env, exports, sizeof(kExports) / sizeof(kExports[0]), kExports);
  return exports;
}

}  // namespace
}  // namespace runt::addon

using runt::addon::Initialize;
NODE_API_MODULE(runt, Initialize)
