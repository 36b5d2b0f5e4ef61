var __addDisposableResource = (this && this.__addDisposableResource) || function (env, value, async) {
    if (value !== null && value !== void 0) {
        if (typeof value !== "object" && typeof value !== "function") throw new TypeError("Object expected.");
        var dispose, inner;
        if (async) {
            if (!Symbol.asyncDispose) throw new TypeError("Symbol.asyncDispose is not defined.");
            dispose = value[Symbol.asyncDispose];
        }
        if (dispose === void 0) {
            if (!Symbol.dispose) throw new TypeError("Symbol.dispose is not defined.");
            dispose = value[Symbol.dispose];
            if (async) inner = dispose;
        }
        if (typeof dispose !== "function") throw new TypeError("Object not disposable.");
        if (inner) dispose = function() { try { inner.call(this); } catch (e) { return Promise.reject(e); } };
        env.stack.push({ value: value, dispose: dispose, async: async });
    }
    else if (async) {
        env.stack.push({ async: true });
    }
    return value;
};
var __disposeResources = (this && this.__disposeResources) || (function (SuppressedError) {
    return function (env) {
        function fail(e) {
            env.error = env.hasError ? new SuppressedError(e, env.error, "An error was suppressed during disposal.") : e;
            env.hasError = true;
        }
        var r, s = 0;
        function next() {
            while (r = env.stack.pop()) {
                try {
                    if (!r.async && s === 1) return s = 0, env.stack.push(r), Promise.resolve().then(next);
                    if (r.dispose) {
                        var result = r.dispose.call(r.value);
                        if (r.async) return s |= 2, Promise.resolve(result).then(next, function(e) { fail(e); return next(); });
                    }
                    else s |= 1;
                }
                catch (e) {
                    fail(e);
                }
            }
            if (s === 1) return env.hasError ? Promise.reject(env.error) : Promise.resolve();
            if (env.hasError) throw env.error;
        }
        return next();
    };
})(typeof SuppressedError === "function" ? SuppressedError : function (error, suppressed, message) {
    var e = new Error(message);
    return e.name = "SuppressedError", e.error = error, e.suppressed = suppressed, e;
});
// One image for a hundred containers: each writes to a layer of its own, all read the same files (and the same page cache). The first
// argument is a directory with a root file system, or an image as `docker save` or `skopeo copy` write it.
//
//   skopeo copy docker://alpine:3 oci-archive:alpine.tar
//   node farm.js alpine.tar [COUNT] [STORE]
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Container, Rootfs } from "@runt-oci/runt";
const [source = "rootfs", count = "100", store = "/var/lib/runt/layers"] = process.argv.slice(2);
async function isRoot(path) {
    return (await stat(path)).isDirectory() && (await stat(join(path, "bin")).catch(() => undefined)) !== undefined;
}
const rootfs = (await isRoot(source)) ? source : await Rootfs.fromImage(source, { store });
async function number(at) {
    const env_1 = { stack: [], error: void 0, hasError: false };
    try {
        const box = __addDisposableResource(env_1, await Container.run({
            rootfs,
            overlay: true,
            args: ["sleep", "1000"],
            limits: { memory: "32m", pids: 16 },
            stdio: "ignore",
        }), true);
        await box.$ `sh -c ${`echo ${at} > /number`}`;
        const { stdout } = await box.$ `cat /number`;
        return Number(stdout);
    }
    catch (e_1) {
        env_1.error = e_1;
        env_1.hasError = true;
    }
    finally {
        const result_1 = __disposeResources(env_1);
        if (result_1)
            await result_1;
    }
}
/** Twenty at a time. */
const numbers = [];
const left = Array.from({ length: Number(count) }, (_, at) => at);
await Promise.all(Array.from({ length: 20 }, async () => {
    for (let at = left.shift(); at !== undefined; at = left.shift())
        numbers.push(await number(at));
}));
console.log(`${numbers.length} containers wrote ${new Set(numbers).size} numbers`);
