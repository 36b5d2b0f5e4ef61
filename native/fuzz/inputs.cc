// SPDX-License-Identifier: Apache-2.0
#include "inputs.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "../init/context.h"
#include "../init/control.h"
#include "../init/missing.h"
#include "../init/mount_api.h"
#include "../init/mount_table.h"
#include "../init/passwd.h"
#include "../plan/plan.h"
#include "../test/plan_builder.h"

namespace runt::fuzz {

namespace {

void Demand(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz: does not hold: %s\n", what);
  std::abort();
}

// The bytes in memory of exactly their size, aligned as a mapping is, so that the sanitizer sees
// every read beyond them.
class Exact {
 public:
  explicit Exact(std::string_view bytes) : data_(static_cast<unsigned char*>(::operator new(bytes.size() + 1, kAlignment))) {
    std::memcpy(data_, bytes.data(), bytes.size());
  }
  ~Exact() { ::operator delete(data_, kAlignment); }
  Exact(const Exact&) = delete;
  Exact& operator=(const Exact&) = delete;

  const unsigned char* data() const { return data_; }

 private:
  static constexpr std::align_val_t kAlignment{16};
  unsigned char* data_;
};

std::uint64_t NumberAt(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

// How many bytes the field of type `type` takes at the start of `rest`; 0 if it is no such field.
std::size_t FieldSize(char type, std::string_view rest) {
  if (rest.size() < 8) return 0;
  const std::uint64_t first = NumberAt(rest, 0, 8);
  if (type == 'l') return 8;
  if (type == 'i') return first <= 0xffffffff ? 8 : 0;
  const std::size_t head = type == 'S' ? 16 : 8;
  if (rest.size() < head || first > rest.size()) return 0;
  const std::uint64_t length = type == 'S' ? NumberAt(rest, 8, 8) : type == 'n' ? first * 4 : type == 's' ? first + 1 : first;
  if (length > rest.size() - head) return 0;
  const std::size_t padded = (length + 7) / 8 * 8;
  if (padded > rest.size() - head) return 0;
  const std::string_view data = rest.substr(head, length);
  for (const char c : rest.substr(head + length, padded - length)) {
    if (c != '\0') return 0;
  }
  if (type == 's' && data.find('\0') != length - 1) return 0;
  if (type == 'S') {
    std::uint64_t ends = 0;
    for (const char c : data) ends += c == '\0' ? 1 : 0;
    if (ends != first || (!data.empty() && data.back() != '\0')) return 0;
  }
  return head + padded;
}

// Whether the encoder could have made these bytes. (That texts are UTF-8 is not looked at.)
bool IsEncoded(std::string_view bytes) {
  if (bytes.size() < 16 || NumberAt(bytes, 0, 4) != kPlanMagic || NumberAt(bytes, 4, 4) != kPlanVersion ||
      NumberAt(bytes, 8, 4) != bytes.size()) {
    return false;
  }
  const std::uint64_t count = NumberAt(bytes, 12, 4);
  std::string_view rest = bytes.substr(16);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (rest.size() < 8 || NumberAt(rest, 0, 4) >= kOpCount) return false;
    const std::string_view types = kFieldTypes[NumberAt(rest, 0, 4)];
    const std::uint64_t size = NumberAt(rest, 4, 4);
    if (size < 8 || size > rest.size()) return false;
    std::string_view fields = rest.substr(8, size - 8);
    for (const char type : types) {
      const std::size_t taken = FieldSize(type, fields);
      if (taken == 0) return false;
      fields.remove_prefix(taken);
    }
    if (!fields.empty()) return false;
    rest.remove_prefix(size);
  }
  return rest.empty();
}

std::size_t Touch(std::string_view text) {
  std::size_t sum = text.size();
  for (const char c : text) sum += static_cast<unsigned char>(c);
  return sum;
}

// What init uses in place: one kind of each.
void UseStep(const RawStep& step) {
  HostnameStep hostname;
  MountStep mount;
  CredentialsStep credentials;
  ExecStep exec;
  if (step.op == Op::kHostname && Decode(step.fields, &hostname)) {
    Demand(std::strlen(hostname.name.data()) == hostname.name.size(), "a str ends with its NUL");
  } else if (step.op == Op::kMount && Decode(step.fields, &mount)) {
    std::string_view rest = mount.data;
    while (!rest.empty()) Touch(NextOption(&rest));
  } else if (step.op == Op::kCredentials && Decode(step.fields, &credentials)) {
    std::uint64_t sum = 0;
    for (const std::uint32_t group : credentials.groups) sum += group;
    Demand(sum <= credentials.groups.count() * 0xffffffffULL, "groups");
  } else if (step.op == Op::kExec && Decode(step.fields, &exec)) {
    std::size_t seen = 0;
    exec.args.ForEach([&](std::string_view text) {
      Touch(text);
      Demand(text.data()[text.size()] == '\0', "a text of strs ends with its NUL");
      ++seen;
      return true;
    });
    Demand(seen == exec.args.count(), "as many strs as were counted");
  }
}

// A descriptor of a nameless file with these bytes.
UniqueFd FileOf(std::string_view bytes) {
  UniqueFd file(::memfd_create("fuzz", MFD_CLOEXEC));
  Demand(::write(file.get(), bytes.data(), bytes.size()) == static_cast<long>(bytes.size()), "memfd");
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string MakeText(Random& random) {
  std::string text(random.Below(4) == 0 ? random.Below(300) : random.Below(12), '\0');
  for (char& c : text) c = static_cast<char>(1 + random.Below(255));
  return text;
}

}  // namespace

bool TryPlan(std::string_view bytes) {
  const Exact exact(bytes);
  const Result<Plan> parsed = Plan::Parse(exact.data(), bytes.size());
  const bool encoded = IsEncoded(bytes);
  if (!parsed.ok()) {
    Demand(parsed.error().call() == Call::kDecode && parsed.error().number() == EBADMSG, "a refused plan is EBADMSG of decode");
    Demand(!encoded, "what the encoder could make is accepted");
    return false;
  }
  Demand(encoded, "what is accepted the encoder could have made");
  std::uint32_t steps = 0;
  parsed.value().ForEach([&](const RawStep& step) {
    Demand(step.index == steps++, "steps are counted");
    Demand(DecodesAs(step.op, step.fields), "a step of an accepted plan decodes");
    UseStep(step);
    return true;
  });
  Demand(steps == parsed.value().count(), "as many steps as were counted");
  return true;
}

bool TryMessage(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  int ends[2];
  Demand(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  const UniqueFd sender(ends[0]);
  Context context;
  context.control = UniqueFd(ends[1]);
  // Behind a filter init reads by other system calls.
  context.filtered = (bytes[0] & 1) != 0;
  const auto asked = static_cast<Message>(static_cast<unsigned char>(bytes[1]) % 12);
  const std::string_view sent = bytes.substr(2);
  const bool passes = (bytes[0] & 2) != 0 && !sent.empty();
  if (sent.size() > 4096) return false;
  if (passes) {
    SendMessage(sender.get(), sent.data(), sent.size(), sender.get());
  } else if (!sent.empty()) {
    Demand(::send(sender.get(), sent.data(), sent.size(), 0) >= 0, "send");
  } else {
    ::shutdown(sender.get(), SHUT_RDWR);
  }
  std::int32_t value = 0;
  const Result<ReceivedMessage> received = WaitFor(context, asked, &value);
  const bool right = sent.size() == 8 && NumberAt(sent, 0, 4) == static_cast<std::uint32_t>(asked);
  if (!received.ok()) {
    Demand(!right, "an answer is taken");
    return false;
  }
  // read(2) cuts a message that is too long, which therefore may pass behind a filter.
  Demand(right || (context.filtered && sent.size() > 8), "what is no answer is refused");
  const bool has_descriptor = passes && !context.filtered;
  Demand(received.value().fd_count == (has_descriptor ? 1U : 0U), "as many descriptors as were sent");
  for (std::size_t i = 0; i < received.value().fd_count; ++i) ::close(received.value().fds[i]);
  return true;
}

void TryTexts(std::string_view bytes) {
  const Exact exact(bytes);
  const std::string_view text(reinterpret_cast<const char*>(exact.data()), bytes.size());
  std::string_view rest = text;
  std::size_t options = 0;
  while (!rest.empty()) {
    const std::string_view option = NextOption(&rest);
    Demand(option.data() >= text.data() && option.data() + option.size() <= text.data() + text.size(),
           "an option is a part of the options");
    Demand(++options <= text.size() + 1, "options come to an end");
  }
  MountEntry entry;
  if (ParseMountEntry(text, &entry)) Touch(entry.path.view());
  HomeDirectory home("/");
  if (HomeFromLine(text, 0, &home)) {
    Demand(!home.empty() && home.view()[0] == '/', "a home directory is absolute");
  }
  Touch(ScriptInterpreter(text).view());
  const UniqueFd file = FileOf(text);
  MountTable table(file.get());
  std::size_t entries = 0;
  for (;;) {
    const Result<bool> more = table.Next(&entry);
    if (!more.ok() || !more.value()) break;
    Demand(++entries <= text.size(), "entries come to an end");
    Touch(entry.path.view());
  }
  const std::string name = "/proc/self/fd/" + std::to_string(file.get());
  const MissingFile missing = FindMissing(name.c_str());
  Demand(missing.call == Call::kNone || !missing.path.empty(), "what is missing has a name");
  const std::uint32_t kind = KindOfProgram(name.c_str());
  Demand(kind != kMissingKindEmpty || text.empty(), "what is empty has no bytes");
}

std::string MakePlan(Random& random) {
  test::PlanBuilder builder;
  const std::size_t count = random.Below(6);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t operation = random.Below(kOpCount);
    builder.Begin(static_cast<Op>(operation));
    for (const char type : kFieldTypes[operation]) {
      std::vector<std::string> texts(random.Below(4));
      for (std::string& text : texts) text = MakeText(random);
      std::vector<std::uint32_t> words(random.Below(5));
      for (std::uint32_t& word : words) word = static_cast<std::uint32_t>(random.Next());
      if (type == 'i') {
        builder.Number(random.Next() & 0xffffffff);
      } else if (type == 'l') {
        builder.Number(random.Next());
      } else if (type == 's') {
        builder.String(MakeText(random));
      } else if (type == 'S') {
        builder.List(texts);
      } else if (type == 'n') {
        builder.Words(words);
      } else {
        std::string data = MakeText(random);
        builder.Number(data.size());
        data.resize((data.size() + 7) / 8 * 8);
        builder.Raw(data);
      }
    }
  }
  return builder.Build();
}

void Mutate(Random& random, std::string* bytes) {
  const std::size_t size = bytes->size();
  if (size == 0) return;
  const std::size_t at = random.Below(size);
  switch (random.Below(7)) {
    case 0:
      (*bytes)[at] = static_cast<char>((*bytes)[at] ^ (1 << random.Below(8)));
      break;
    case 1:
      (*bytes)[at] = static_cast<char>(random.Next());
      break;
    case 2: {
      // A number that a length or a count could be, or nearly.
      const std::uint64_t around[] = {0, 1, size, size - at, UINT32_MAX, 1ULL << 31, 1ULL << 62, UINT64_MAX};
      const std::uint64_t value = around[random.Below(8)] + random.Below(5) - 2;
      const std::size_t width = random.Below(2) == 0 ? 4 : 8;
      const std::size_t place = at / width * width;
      if (place + width <= size) std::memcpy(bytes->data() + place, &value, width);
      break;
    }
    case 3:
      bytes->resize(at);
      break;
    case 4:
      bytes->erase(at, random.Below(17));
      break;
    case 5:
      bytes->insert(at, bytes->substr(random.Below(size), random.Below(33)));
      break;
    default:
      bytes->insert(at, random.Below(17), '\0');
      break;
  }
  // Else nearly all would be refused for their size.
  if (bytes->size() >= 16 && random.Below(4) != 0) {
    const auto whole = static_cast<std::uint32_t>(bytes->size());
    std::memcpy(bytes->data() + 8, &whole, sizeof whole);
  }
}

}  // namespace runt::fuzz
