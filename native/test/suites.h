// SPDX-License-Identifier: Apache-2.0
#ifndef RUNT_TEST_SUITES_H_
#define RUNT_TEST_SUITES_H_

namespace runt::test {

void TestKernelNumbers();
void TestText();
void TestPlan();
void TestMessages();
void TestOptions();
void TestMountTable();
void TestMissing();
void TestPasswd();
void TestRootedPath();
void TestCopyUp();
void TestProcfs();
void TestFiles();
void TestMountTarget();
void TestWorkingDirectory();
void TestWorkbench();
void TestRecorder();
void TestFuzz();

}  // namespace runt::test

#endif  // RUNT_TEST_SUITES_H_
