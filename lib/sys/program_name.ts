/**
 * The name that this program goes by. A link with the name `runc` is how some engines find a runtime (BuildKit), and
 * who calls `runc` reads and looks for that name in its messages.
 */

/** `runc` where it was called so, else `runt`. */
export function programName(): "runc" | "runt" {
  // What the executable's argv[0] was; under Node.js it is something else, and nobody's name.
  const { title } = process;
  return title === "runc" || title.endsWith("/runc") ? "runc" : "runt";
}
