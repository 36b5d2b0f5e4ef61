// SPDX-License-Identifier: Apache-2.0
// eBPF programs that filter the devices of a cgroup (BPF_PROG_TYPE_CGROUP_DEVICE).

#include <linux/bpf.h>

#include <algorithm>
#include <cstring>

#include "../base/syscall.h"
#include "addon.h"

namespace runt::addon {
namespace {

// A cgroup holds 64 programs of a type at most.
constexpr uint32_t kMaxPrograms = 64;

int Bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(Syscall(__NR_bpf, command, &attributes, sizeof attributes));
}

// The kernel refuses attributes with a byte other than 0 outside the fields of the command, padding
// included.
bpf_attr Empty() {
  bpf_attr attributes;
  std::memset(&attributes, 0, sizeof attributes);
  return attributes;
}

}  // namespace

int BpfLoadDevice(const Path& name, const Bytes& program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes = Empty();
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<uintptr_t>(program.data);
  attributes.insn_cnt = static_cast<uint32_t>(program.size / sizeof(bpf_insn));
  attributes.license = reinterpret_cast<uintptr_t>(kLicense);
  const size_t length = std::min(name.length, sizeof attributes.prog_name - 1);
  std::memcpy(attributes.prog_name, name.text, length);
  // After a signal the verifier asks for another call.
  int result = Bpf(BPF_PROG_LOAD, attributes);
  for (int tries = 0; result == -EAGAIN && tries < 5; ++tries) {
    result = Bpf(BPF_PROG_LOAD, attributes);
  }
  return result;
}

int BpfAttachDevice(int cgroup, int program, int replaced) {
  bpf_attr attributes = Empty();
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (replaced >= 0) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<uint32_t>(replaced);
  }
  return Bpf(BPF_PROG_ATTACH, attributes);
}

int BpfDetachDevice(int cgroup, int program) {
  bpf_attr attributes = Empty();
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  return Bpf(BPF_PROG_DETACH, attributes);
}

Napi::Value BpfQueryDevice(Napi::Env env, int cgroup) {
  uint32_t ids[kMaxPrograms] = {};
  bpf_attr attributes = Empty();
  attributes.query.target_fd = static_cast<uint32_t>(cgroup);
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<uintptr_t>(ids);
  attributes.query.prog_cnt = kMaxPrograms;
  const int result = Bpf(BPF_PROG_QUERY, attributes);
  if (result < 0) return Napi::Number::New(env, result);
  Napi::Array found = Napi::Array::New(env);
  for (uint32_t index = 0; index < attributes.query.prog_cnt; ++index) {
    found.Set(index, Napi::Number::New(env, ids[index]));
  }
  return found;
}

int BpfProgramFd(int64_t id) {
  bpf_attr attributes = Empty();
  attributes.prog_id = static_cast<uint32_t>(id);
  return Bpf(BPF_PROG_GET_FD_BY_ID, attributes);
}

}  // namespace runt::addon
