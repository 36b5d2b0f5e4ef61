// SPDX-License-Identifier: Apache-2.0
#include "../plan/plan.h"

#include "../base/kernel.h"
#include "plan_builder.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

// The bytes in memory of exactly their size, aligned as a mapping is, so that the sanitizer sees
// every read beyond them.
class Exact {
 public:
  explicit Exact(std::string_view bytes)
      : data_(static_cast<unsigned char*>(::operator new(bytes.size() + 1, std::align_val_t(16)))), size_(bytes.size()) {
    std::memcpy(data_, bytes.data(), bytes.size());
  }
  ~Exact() { ::operator delete(data_, std::align_val_t(16)); }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;

  Result<Plan> Parse() const { return Plan::Parse(data_, size_); }

 private:
  unsigned char* data_;
  std::size_t size_;
};

std::string Good() {
  return PlanBuilder()
      .Begin(Op::kIdMaps)
      .Begin(Op::kHostname)
      .String("box")
      .Begin(Op::kRlimit)
      .Number(7)
      .Number(1)
      .Number(UINT64_MAX)
      .Begin(Op::kMount)
      .String("/proc")
      .String("proc")
      .String("proc")
      .Number(0)
      .Number(1)
      .Number(2)
      .Number(3)
      .Number(4)
      .Number(5)
      .Number(6)
      .Words({1, 2, 3})
      .String("a=b,c")
      .Number(0)
      .Begin(Op::kOomScoreAdj)
      .Number(static_cast<std::uint64_t>(-5))
      .Begin(Op::kExec)
      .List({"sh", "", "-c"})
      .List({})
      .Number(2)
      .Number(1)
      .Build();
}

bool Parses(std::string_view bytes) { return Exact(bytes).Parse().ok(); }

// Whether a plan of this one step is refused.
void Refused(PlanBuilder& builder, std::string_view name) {
  const std::string plan = builder.Build();
  const Exact bytes(plan);
  const Result<Plan> parsed = bytes.Parse();
  Ok(!parsed.ok() && parsed.error().call() == Call::kDecode && parsed.error().number() == EBADMSG, name);
}

void CheckFields() {
  const Exact bytes(Good());
  const Result<Plan> parsed = bytes.Parse();
  if (!Ok(parsed.ok(), "plan: a good one parses")) return;
  const Plan& plan = parsed.value();
  Equal(static_cast<long>(plan.count()), 6L, "plan: counts its steps");
  Equal(static_cast<long>(plan.Count(Op::kMount)), 1L, "plan: counts steps of a kind");
  plan.ForEach([&](const RawStep& step) {
    HostnameStep hostname;
    RlimitStep rlimit;
    MountStep mount;
    OomScoreAdjStep oom;
    ExecStep exec;
    if (step.op == Op::kHostname && Decode(step.fields, &hostname)) {
      Equal(hostname.name, std::string_view("box"), "plan: str");
      Ok(hostname.name.data()[3] == '\0', "plan: str ends with a NUL");
    } else if (step.op == Op::kRlimit && Decode(step.fields, &rlimit)) {
      Ok(rlimit.resource == 7 && rlimit.soft == 1 && rlimit.hard == UINT64_MAX, "plan: u32, u64");
    } else if (step.op == Op::kMount && Decode(step.fields, &mount)) {
      Ok(mount.propagation.count() == 3 && mount.propagation.data()[2] == 3, "plan: u32s");
      Equal(mount.data, std::string_view("a=b,c"), "plan: a field behind u32s");
    } else if (step.op == Op::kOomScoreAdj && Decode(step.fields, &oom)) {
      Equal(static_cast<long>(oom.value), -5L, "plan: i64");
    } else if (step.op == Op::kExec && Decode(step.fields, &exec)) {
      std::string joined;
      exec.args.ForEach([&](std::string_view text) {
        joined.append(text).push_back('|');
        return true;
      });
      Equal(joined, std::string("sh||-c|"), "plan: strs, with an empty one inside");
      Equal(static_cast<long>(exec.env.count()), 0L, "plan: no strs at all");
    } else {
      Ok(step.op == Op::kIdMaps, "plan: a step without fields");
    }
    return true;
  });
}

void CheckTruncation() {
  const std::string good = Good();
  bool all_refused = true;
  for (std::size_t size = 0; size < good.size(); ++size) {
    std::string cut = good.substr(0, size);
    all_refused = all_refused && !Parses(cut);
    // The same with a header that says so.
    if (size >= 16) {
      const auto claimed = static_cast<std::uint32_t>(size);
      std::memcpy(cut.data() + 8, &claimed, sizeof claimed);
      all_refused = all_refused && !Parses(cut);
    }
  }
  Ok(all_refused, "plan: cut at any byte it is refused");
  Ok(!Parses(good + std::string(8, '\0')), "plan: bytes behind the end are refused");
}

// Whatever a flipped bit makes of a plan, reading it stays inside of it; the sanitizers watch.
void CheckBitFlips() {
  const std::string good = Good();
  std::size_t accepted = 0;
  std::size_t bytes_seen = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const Exact bytes(flipped);
    const Result<Plan> parsed = bytes.Parse();
    if (!parsed.ok()) continue;
    ++accepted;
    parsed.value().ForEach([&](const RawStep& step) {
      ExecStep exec;
      HostnameStep hostname;
      if (step.op == Op::kExec && Decode(step.fields, &exec)) {
        exec.args.ForEach([&](std::string_view text) {
          bytes_seen += text.size();
          return true;
        });
      } else if (step.op == Op::kHostname && Decode(step.fields, &hostname)) {
        bytes_seen += std::strlen(hostname.name.data());
      }
      return true;
    });
  }
  Ok(accepted > 0 && bytes_seen > 0, "plan: flipped bits never lead outside");
  for (const std::size_t place : {0U, 4U, 8U, 12U}) {
    std::string forged = good;
    forged[place] = static_cast<char>(forged[place] + 1);
    Ok(!Parses(forged), "plan: refused with another header word at " + std::to_string(place));
  }
}

void CheckMalformed() {
  Refused(PlanBuilder().Begin(static_cast<Op>(kOpCount)), "plan: an unknown operation is refused");
  Refused(PlanBuilder().Begin(Op::kHostname), "plan: a missing field is refused");
  Refused(PlanBuilder().Begin(Op::kHostname).String("a").Number(0), "plan: a field too many is refused");
  Refused(PlanBuilder().Begin(Op::kUmask).Number(static_cast<std::uint64_t>(1) << 32), "plan: a u32 of 33 bits is refused");
  Refused(PlanBuilder().Begin(Op::kHostname).Number(3).Raw(std::string_view("a\0b\0\0\0\0\0", 8)),
          "plan: a NUL inside a str is refused");
  Refused(PlanBuilder().Begin(Op::kHostname).Number(8).Raw("abcdefgh"), "plan: a str without its NUL is refused");
  Refused(PlanBuilder().Begin(Op::kHostname).Number(1).Raw(std::string_view("a\0x\0\0\0\0\0", 8)),
          "plan: padding that is not zero is refused");
  Refused(PlanBuilder().Begin(Op::kHostname).Number(UINT64_MAX).Raw(std::string(8, '\0')),
          "plan: a str of 2^64-1 bytes is refused");
  Refused(
      PlanBuilder().Begin(Op::kExec).Number(3).Number(4).Raw(std::string_view("a\0b\0\0\0\0\0", 8)).List({}).Number(0).Number(0),
      "plan: fewer strs than their count are refused");
  Refused(
      PlanBuilder().Begin(Op::kExec).Number(1).Number(4).Raw(std::string_view("a\0b\0\0\0\0\0", 8)).List({}).Number(0).Number(0),
      "plan: more strs than their count are refused");
  Refused(
      PlanBuilder().Begin(Op::kExec).Number(1).Number(3).Raw(std::string_view("a\0b\0\0\0\0\0", 8)).List({}).Number(0).Number(0),
      "plan: a last str without its NUL is refused");
  Refused(PlanBuilder().Begin(Op::kCredentials).Number(0).Number(0).Number(static_cast<std::uint64_t>(1) << 62),
          "plan: u32s whose size overflows are refused");
}

}  // namespace

void TestPlan() {
  CheckFields();
  CheckTruncation();
  CheckBitFlips();
  CheckMalformed();
}

}  // namespace runt::test
