// SPDX-License-Identifier: Apache-2.0
#include "suites.h"
#include "tap.h"

int main() {
  using namespace runt::test;
  TestKernelNumbers();
  TestText();
  TestPlan();
  TestMessages();
  TestOptions();
  TestMountTable();
  TestMissing();
  TestPasswd();
  TestRootedPath();
  TestCopyUp();
  TestProcfs();
  TestFiles();
  TestMountTarget();
  TestWorkingDirectory();
  TestWorkbench();
  TestRecorder();
  TestFuzz();
  std::printf("1..%d\n", passed + failed);
  return failed == 0 ? 0 : 1;
}
