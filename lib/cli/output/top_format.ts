// SPDX-License-Identifier: Apache-2.0
/** The output of `runt top`. Pure. */
import type { TopRow } from "../../runtime/live/top.ts";
import { columns } from "./columns.ts";

/** The keys that rows can be sorted by; the greatest first, except for the id. */
export const SORT_KEYS = ["cpu", "memory", "pids", "io", "oom", "id"] as const;

export type SortKey = (typeof SORT_KEYS)[number];

const VALUES: Readonly<Record<Exclude<SortKey, "id">, (row: TopRow) => number>> = {
  cpu: ({ cpu = -1 }) => cpu,
  memory: ({ memory = -1 }) => memory,
  pids: ({ pids = -1 }) => pids,
  io: ({ readRate = 0, writeRate = 0 }) => readRate + writeRate,
  oom: ({ oomKills = -1 }) => oomKills,
};

/** Rows with one key are sorted by id, as they come. */
export function sortRows(rows: readonly TopRow[], key: SortKey): readonly TopRow[] {
  if (key === "id") return rows;
  const value = VALUES[key];
  return rows
    .map((row) => [row, value(row)] as const)
    .sort(([, one], [, other]) => other - one)
    .map(([row]) => row);
}

const UNITS = ["", "K", "M", "G", "T", "P"];

/** Bytes as people read them: `12.3M`. */
export function sizeText(bytes: number | undefined): string {
  if (bytes === undefined) return "-";
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${UNITS[unit]}`;
}

function percent(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(1);
}

function row({
  id,
  status,
  cpu,
  memory,
  memoryLimit,
  pressure,
  pids,
  pidsLimit,
  readRate,
  writeRate,
  oomKills,
}: TopRow): string[] {
  const share = memory === undefined || memoryLimit === undefined ? undefined : (memory / memoryLimit) * 100;
  return [
    id,
    status,
    percent(cpu),
    sizeText(memory),
    memoryLimit === undefined ? "-" : sizeText(memoryLimit),
    percent(share),
    percent(pressure),
    `${pids ?? "-"}${pidsLimit === undefined ? "" : `/${pidsLimit}`}`,
    sizeText(readRate),
    sizeText(writeRate),
    String(oomKills ?? "-"),
  ];
}

const HEAD = ["ID", "STATE", "CPU %", "MEMORY", "LIMIT", "MEM %", "PRESSURE %", "PIDS", "READ/S", "WRITE/S", "OOM"];

export function topTable(rows: readonly TopRow[]): string {
  return columns([HEAD, ...rows.map(row)]);
}

/** The table in a window: a line about all containers, then the lines that fit, cut at the window's edge. */
export function topScreen(rows: readonly TopRow[], key: SortKey, height: number, width: number): string {
  const running = rows.filter(({ status }) => status === "running").length;
  let cpu = 0;
  let memory = 0;
  for (const row of rows) {
    cpu += row.cpu ?? 0;
    memory += row.memory ?? 0;
  }
  const all = `${rows.length} containers, ${running} running   cpu ${cpu.toFixed(1)} %   memory ${sizeText(memory)}`;
  const sum = `${all}   sorted by ${key} (c m p i o n), q ends`;
  // Rows that do not fit on the screen are not formatted, so the widths come from the visible rows.
  const lines = [sum, "", ...topTable(rows.slice(0, Math.max(0, height - 3))).split("\n")].slice(0, height);
  return lines
    .map((line) => line.slice(0, width))
    .join("\n")
    .trimEnd();
}
