import { text } from "node:stream/consumers";
import { Container } from "@runt-oci/runt";
const SIZE = 4;
const [rootfs = "rootfs", requests = "20"] = process.argv.slice(2);
class Pool {
    #waiting = [];
    constructor() {
        for (let at = 0; at < SIZE; at++)
            this.#add();
    }
    #add() {
        const made = Container.create({
            rootfs,
            args: ["tr", "a-z", "A-Z"],
            limits: { memory: "32m", pids: 8 },
            stdio: ["pipe", "pipe", "inherit"],
        });
        // Whoever takes it is told of a failure.
        made.catch(() => undefined);
        this.#waiting.push(made);
    }
    /** Gives `input` to the program of a container that has waited, and returns what it prints. */
    async request(input) {
        const taken = this.#waiting.shift();
        this.#add();
        if (taken === undefined)
            throw new Error("the pool is closed");
        const box = await taken;
        try {
            await box.start();
            box.stdin.end(input);
            return await text(box.stdout);
        }
        finally {
            await box.delete({ force: true });
        }
    }
    async close() {
        for (const made of this.#waiting.splice(0))
            await (await made).delete({ force: true });
    }
}
const pool = new Pool();
const began = performance.now();
for (let at = 0; at < Number(requests); at++)
    console.log(await pool.request(`request ${at}`));
console.error(`${((performance.now() - began) / Number(requests)).toFixed(1)} ms a request`);
await pool.close();
