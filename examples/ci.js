// Runs the steps of a job in one container, with live logs: each line has the time and its step before it. A step that fails, or takes
// longer than a minute with all that it has started, ends the job. The job's directory is at /work.
//
//   node ci.js ROOTFS DIRECTORY STEP...
import { createInterface } from "node:readline";
import { Container } from "@runt-oci/runt";
const [rootfs = "rootfs", directory = ".", ...steps] = process.argv.slice(2);
const began = performance.now();
async function show(name, stream) {
    for await (const line of createInterface({ input: stream })) {
        console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} ${name} | ${line}`);
    }
}
async function runJob() {
    const box = await Container.run({
        rootfs,
        overlay: { size: "1g" },
        args: ["sleep", "86400"],
        stdio: "ignore",
        mounts: [{ source: directory, destination: "/work", readonly: false }],
        limits: { memory: "2g", cpus: 2, pids: 1000 },
    });
    try {
        for (const [at, step] of steps.entries()) {
            const name = `step ${at + 1}`;
            // A program that asks for a terminal gets colours and progress bars here.
            const child = await box.spawn(["sh", "-e", "-c", step], {
                cwd: "/work",
                env: { CI: "true", STEP: String(at + 1) },
                terminal: { rows: 40, columns: 120 },
                timeout: 60_000,
            });
            await show(name, child.stdout);
            const { exitCode, killedBy } = await child.wait();
            if (exitCode === 0)
                continue;
            console.log(`${name} has failed: ${killedBy === "timeout" ? "it took too long" : `exit status ${exitCode}`}`);
            return exitCode;
        }
        console.log(`${steps.length} steps are done`);
        return 0;
    }
    finally {
        await box.delete({ force: true });
    }
}
process.exitCode = await runJob();
