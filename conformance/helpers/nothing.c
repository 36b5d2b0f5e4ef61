/* SPDX-License-Identifier: Apache-2.0 */
// A program that needs as little memory as a static program can.
int main(void) { return 0; }
