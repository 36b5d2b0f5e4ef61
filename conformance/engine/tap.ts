// SPDX-License-Identifier: Apache-2.0
/**
 * The part of tap that the pure unit tests use, for the engine of the program, which has no modules of Node.js. The bundle of
 * `npm test -- engine` takes it in the place of tap. It prints TAP.
 */

type Check = (...args: readonly unknown[]) => boolean;
type Body = (t: Test) => void | Promise<void>;

interface Registered {
  readonly name: string;
  readonly body: Body;
}

let print: (line: string) => void = () => {};

/** Deep equality. `strict`: of types too, as `strictSame` has it; else primitive values may be equal by `==`. */
function isSame(left: unknown, right: unknown, strict: boolean): boolean {
  if (Object.is(left, right) || (left === right && left === 0)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    // oxlint-disable-next-line eqeqeq -- what is looser here is meant
    return !strict && left == right;
  }
  if (strict && Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (left instanceof Map && right instanceof Map) return isSame([...left], [...right], strict);
  if (left instanceof Set && right instanceof Set) return isSame([...left], [...right], strict);
  if (left instanceof Error && right instanceof Error && left.message !== right.message) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  const [a, b] = [left as Record<string, unknown>, right as Record<string, unknown>];
  return keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key], strict));
}

/** Whether each part of a pattern is found: a text within a text, a regular expression, members of an object. */
function isMatch(value: unknown, pattern: unknown): boolean {
  if (pattern instanceof RegExp) return pattern.test(String(value));
  if (typeof pattern === "string" && typeof value === "string") return value.includes(pattern);
  if (pattern === String || pattern === Number) return typeof value === (pattern === String ? "string" : "number");
  if (typeof pattern === "function") return value instanceof (pattern as never);
  if (typeof pattern !== "object" || pattern === null) return isSame(value, pattern, false);
  if (typeof value !== "object" || value === null) return false;
  const members = value as Record<string, unknown>;
  const names = pattern instanceof Error ? ["message", ...Object.keys(pattern)] : Object.keys(pattern);
  return names.every((name) => isMatch(members[name], (pattern as Record<string, unknown>)[name]));
}

function show(value: unknown): string {
  try {
    return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${each}n` : each)) ?? String(value);
  } catch {
    return String(value);
  }
}

/** One test; its methods count, and tell of what is wrong. */
export class Test {
  passed = 0;
  failed = 0;
  readonly #registered: Registered[] = [];
  readonly #name: string;
  readonly #runsNow: boolean;

  constructor(name: string, runsNow: boolean) {
    this.#name = name;
    this.#runsNow = runsNow;
  }

  /** At the top level the test runs when {@link runAll} is called; within a test at once. */
  test(name: string, ...rest: readonly unknown[]): Promise<void> {
    const body = rest.find((each): each is Body => typeof each === "function");
    if (body === undefined) return Promise.resolve();
    if (this.#runsNow) return this.#run({ name, body });
    this.#registered.push({ name, body });
    return Promise.resolve();
  }

  /** Runs what was registered, and prints a line of TAP for each test. */
  async runAll(): Promise<void> {
    for (const [index, registered] of this.#registered.entries()) {
      const before = this.failed;
      await this.#run(registered);
      print(`${this.failed === before ? "ok" : "not ok"} ${index + 1} - ${registered.name}`);
    }
    print(`1..${this.#registered.length}`);
  }

  async #run({ name, body }: Registered): Promise<void> {
    const child = new Test(this.#name === "" ? name : `${this.#name} > ${name}`, true);
    try {
      await body(child);
    } catch (error) {
      child.#count(false, `throws ${error instanceof Error ? `${error.message}\n${error.stack ?? ""}` : String(error)}`);
    }
    this.passed += child.passed;
    this.failed += child.failed;
  }

  #count(good: boolean, text: string): boolean {
    if (good) this.passed += 1;
    else {
      this.failed += 1;
      print(`# ${this.#name}: ${text}`);
    }
    return good;
  }

  equal: Check = (found, wanted, name = "") =>
    this.#count(Object.is(found, wanted), `${String(name)}: ${show(found)} is not ${show(wanted)}`);
  not: Check = (found, other, name = "") => this.#count(!Object.is(found, other), `${String(name)}: it is ${show(other)}`);
  same: Check = (found, wanted, name = "") =>
    this.#count(isSame(found, wanted, false), `${String(name)}: ${show(found)} is not the same as ${show(wanted)}`);
  strictSame: Check = (found, wanted, name = "") =>
    this.#count(isSame(found, wanted, true), `${String(name)}: ${show(found)} is not ${show(wanted)}`);
  ok: Check = (value, name = "") => this.#count(Boolean(value), `${String(name)}: ${show(value)} is not true`);
  notOk: Check = (value, name = "") => this.#count(!value, `${String(name)}: ${show(value)} is not false`);
  match: Check = (value, pattern, name = "") =>
    this.#count(isMatch(value, pattern), `${String(name)}: ${show(value)} does not match ${String(pattern)}`);
  notMatch: Check = (value, pattern, name = "") =>
    this.#count(!isMatch(value, pattern), `${String(name)}: ${show(value)} matches ${String(pattern)}`);
  type: Check = (value, type, name = "") =>
    this.#count(typeof value === type, `${String(name)}: ${show(value)} is no ${String(type)}`);
  pass: Check = () => this.#count(true, "");
  fail: Check = (name = "") => this.#count(false, String(name));

  throws(action: () => unknown, ...rest: readonly unknown[]): boolean {
    const pattern = rest.find((each) => typeof each !== "string");
    try {
      action();
    } catch (error) {
      return this.#count(
        pattern === undefined || isMatch(error instanceof Error && pattern instanceof RegExp ? error.message : error, pattern),
        `${show(error)} does not match ${show(pattern)}`,
      );
    }
    return this.#count(false, "does not throw");
  }

  async rejects(action: Promise<unknown> | (() => Promise<unknown>), ...rest: readonly unknown[]): Promise<boolean> {
    let thrown: { readonly error: unknown } | undefined;
    try {
      await (typeof action === "function" ? action() : action);
    } catch (error) {
      thrown = { error };
    }
    return this.throws(
      () => {
        if (thrown !== undefined) throw thrown.error;
      },
      ...rest,
    );
  }

  end(): void {}
  comment(): void {}
}

/** Where tests are registered while the modules are loaded. */
const root = new Test("", false);

/** Runs all tests that were registered. @returns whether all passed */
export async function runAll(write: (line: string) => void): Promise<boolean> {
  print = write;
  await root.runAll();
  write(`# ${root.passed} assertions passed, ${root.failed} failed`);
  return root.failed === 0;
}

// oxlint-disable-next-line import/no-default-export -- tap's own interface
export default root;
