// SPDX-License-Identifier: Apache-2.0
import t from "tap";
import type { FromInit, InitProcess } from "../../init/process.ts";
import { Message } from "../../plan/steps.ts";
import type { Config } from "../../spec/types.ts";
import type { Exited } from "../../sys/native.ts";
import { serve, untilExecuted, type Service } from "./answer_init.ts";

const CONFIG: Config = { ociVersion: "1.3.0" };

/** An init that sends the given messages, and notes the answers. */
function scripted(said: readonly FromInit[], exited?: Exited): { init: InitProcess; answers: (readonly [number, number])[] } {
  const answers: (readonly [number, number])[] = [];
  const left = [...said];
  const init = {
    pid: 1,
    asking: 7,
    filtersLast: false,
    waits: false,
    steps: [],
    receive: () => Promise.resolve(left.shift() ?? "end"),
    answer: (kind: number, _fds: readonly number[] = [], value = 0) => void answers.push([kind, value]),
    ended: () => Promise.resolve(exited),
  };
  return { init: init as unknown as InitProcess, answers };
}

function serviceThat(done: string[], kills = 0): Service {
  return {
    stdio: [0, 1, 2],
    register: (pid) => void done.push(`register ${pid}`),
    joinFds: () => [],
    meanwhile: () => void done.push("meanwhile"),
    netDevices: (pid) => void done.push(`devices ${pid}`),
    runtimeHooks: () => Promise.resolve(void done.push("hooks")),
    seccompListener: (fd) => fd + 1,
    ready: () => void done.push("ready"),
    oomKills: () => kills,
  };
}

function ask(kind: number, value = 0): FromInit {
  return { kind, value };
}

t.test("each question is answered with its kind, once what it asks for is done", async (t) => {
  const asked = [Message.CGROUP, Message.RUNTIME_HOOKS, Message.NET_DEVICES, Message.MOUNT_TREE];
  const { init, answers } = scripted([...asked.map((kind) => ask(kind)), ask(Message.SECCOMP_LISTENER, 4), ask(Message.READY)]);
  const done: string[] = [];
  await serve(init, CONFIG, serviceThat(done));
  t.same(done, ["register 7", "meanwhile", "hooks", "devices 7", "ready"]);
  t.same(answers, [...asked.map((kind) => [kind, 0]), [Message.SECCOMP_LISTENER, 5], [Message.READY, 0]]);
});

t.test("what init cannot have asked ends it", async (t) => {
  await t.rejects(serve(scripted([ask(99)]).init, CONFIG, serviceThat([])), { code: "INTERNAL" });
  await t.rejects(untilExecuted(scripted([ask(Message.CGROUP)]).init, serviceThat([])), { code: "INTERNAL" });
  await t.rejects(untilExecuted(scripted([ask(Message.EXEC), ask(Message.READY)]).init, serviceThat([])), { code: "INTERNAL" });
});

t.test("an end without a word is told by how it came", async (t) => {
  const told = async (exited: Exited | undefined, kills = 0, who = {}): Promise<string> => {
    try {
      await serve(scripted([], exited).init, CONFIG, { ...serviceThat([], kills), ...who });
    } catch (error) {
      return error instanceof Error ? error.message : "";
    }
    return "nothing";
  };
  const killed = { pid: 1, signaled: true, status: 9 };
  t.equal(await told(undefined), "container init was lost");
  t.equal(await told(killed), "container init was killed by signal 9 before it could execute the program");
  t.match(await told(killed, 1), "container init was OOM-killed: linux.resources.memory.limit is too low");
  t.match(await told(killed, 1, { who: "the process" }), "the process was OOM-killed");
  t.match(await told({ ...killed, status: 15 }, 1), "was killed by signal 15");
  t.match(await told({ ...killed, status: 31 }), "does linux.seccomp refuse a system call");
  t.match(
    await told({ pid: 1, signaled: false, status: 1 }),
    "exited with status 1 before it could execute the program: does linux.seccomp",
  );
  t.notMatch(await told({ pid: 1, signaled: false, status: 2 }), "seccomp");
});
