// SPDX-License-Identifier: Apache-2.0
// A thread of a program that uses the library.
import { parentPort, workerData } from "node:worker_threads";
import { Container, type ContainerOptions } from "../../lib/index.ts";

const container = await Container.run({ ...(workerData as ContainerOptions), stdio: "ignore" });
await container.exec({ args: ["sleep", "1000"], stdio: "ignore" });
parentPort?.postMessage((await container.state()).status);
await container.wait();
