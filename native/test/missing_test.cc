// SPDX-License-Identifier: Apache-2.0
#include "../init/missing.h"

#include "scratch.h"
#include "suites.h"
#include "tap.h"

namespace runt::test {

namespace {

// A 64-bit ELF file with one program header, of type PT_INTERP.
std::string Elf(const std::string& loader, std::uint64_t length, unsigned char count = 1) {
  std::string file(120, '\0');
  file.replace(0, 6,
               "\x7f"
               "ELF\x02\x01",
               6);
  file[32] = 64;  // the table
  file[54] = 56;  // the size of an entry
  file[56] = static_cast<char>(count);
  file[64] = 3;
  file[64 + 8] = 120;
  for (int i = 0; i < 8; ++i) file[64 + 32 + i] = static_cast<char>(length >> (8 * i));
  return file + loader + '\0';
}

void Program(const Scratch& scratch, const std::string& name, const std::string& content) {
  scratch.File(name, content);
  Syscall(__NR_fchmodat, AT_FDCWD, scratch.At(name).c_str(), 0755);
}

}  // namespace

void TestMissing() {
  Equal(ScriptInterpreter("#!/bin/sh -e\n").view(), std::string_view("/bin/sh"), "missing: #!");
  Equal(ScriptInterpreter("#! \t/bin/x\targ").view(), std::string_view("/bin/x"), "missing: spaces before the interpreter");
  Equal(ScriptInterpreter("#!/bin/sh\r\n").view(), std::string_view("/bin/sh\r"),
        "missing: a carriage return belongs to the name");
  for (const std::string& none :
       {std::string(""), std::string("#!"), std::string("#! \n"), std::string("echo"), "#!/" + std::string(300, 'x')}) {
    Ok(ScriptInterpreter(none).empty(), "missing: no interpreter: " + none.substr(0, 8));
  }

  const Scratch scratch;
  const auto find = [&](const std::string& name) { return FindMissing(scratch.At(name).c_str()); };
  Program(scratch, "script", "#!/no/such/interpreter\r\n");
  Ok(find("script").call == Call::kInterpreter, "missing: a script's interpreter");
  Equal(find("script").path.view(), std::string_view("/no/such/interpreter\r"), "missing: its name");
  Program(scratch, "outer", "#!" + scratch.At("script") + "\n");
  Ok(find("outer").call == Call::kInterpreter && find("outer").path.view() == "/no/such/interpreter\r",
     "missing: the interpreter of an interpreter");
  Program(scratch, "loop", "#!" + scratch.At("loop") + "\n");
  Ok(find("loop").call == Call::kNone, "missing: a script that is its own interpreter");
  scratch.File("plain", "x");
  Program(scratch, "denied", "#!" + scratch.At("plain") + "\n");
  Ok(find("denied").call == Call::kInterpreter, "missing: an interpreter that is no program");
  Program(scratch, "shell", "#!/bin/sh\n");
  Ok(find("shell").call == Call::kNone, "missing: nothing");
  Ok(find("none").call == Call::kNone, "missing: no file at all");

  Program(scratch, "elf", Elf("/no/such/loader", 16));
  Ok(find("elf").call == Call::kLoader, "missing: the loader of a program");
  Equal(find("elf").path.view(), std::string_view("/no/such/loader"), "missing: the loader's name");
  Program(scratch, "long", Elf("/no/such/loader", 1u << 20));
  Ok(find("long").call == Call::kNone, "missing: a name that is too long");
  Program(scratch, "end", Elf("/no/such/loader", 200));
  Ok(find("end").call == Call::kNone, "missing: a name that the file ends in");
  Program(scratch, "many", Elf("/no/such/loader", 16, 200));
  Ok(find("many").call == Call::kNone, "missing: too many headers");
  Program(scratch, "short",
          std::string("\x7f"
                      "ELF\x02\x01",
                      6));
  Ok(find("short").call == Call::kNone, "missing: a header that is cut short");

  const auto kind = [&](const std::string& content) {
    Program(scratch, "kind", content);
    return KindOfProgram(scratch.At("kind").c_str());
  };
  const auto machine = [](const char* bytes, char order) {
    std::string file = Elf("", 0);
    file[5] = order;
    return file.replace(18, 2, bytes, 2);
  };
  Ok(kind("") == kMissingKindEmpty, "missing: an empty file");
  Ok(kind("echo\n") == kMissingKindNeitherElfNorScript, "missing: text without #!");
  Ok(kind("#!\n") == 0, "missing: a first line without an interpreter");
  Ok(kind(machine("\xf3\0", 1)) == (kMissingKindForeign | 243), "missing: a program for riscv64");
  Ok(kind(machine("\0\x16", 2)) == (kMissingKindForeign | 22), "missing: a big-endian program");
  Ok(kind("\x7f"
          "ELF") == 0,
     "missing: an ELF header that is cut short");
  Ok(KindOfProgram(scratch.At("none").c_str()) == 0, "missing: no kind without a file");
}

}  // namespace runt::test
