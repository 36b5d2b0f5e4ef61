/** Made by `npm run generate` from the .proto files beside it. */
import { type Count, type Draft, NO_BYTES, Reader, Writer } from "./wire.ts";

export interface Extension {
  readonly value: Any | undefined;
}

export function readExtension(from: Uint8Array): Extension {
  let value: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: value = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { value };
}

export function writeExtension(message: Draft<Extension>): Uint8Array {
  const writer = new Writer();
  if (message.value !== undefined) writer.message(1, writeAny(message.value));
  return writer.finish();
}

export interface BootstrapParams {
  readonly instanceId: string;
  readonly namespace: string;
  readonly logLevel: number;
  readonly containerdVersion: string;
  readonly containerdTtrpcAddress: string;
  readonly containerdGrpcAddress: string;
  readonly containerdBinary: string;
  readonly extensions: readonly Extension[];
  readonly socketDir: string;
}

export function readBootstrapParams(from: Uint8Array): BootstrapParams {
  let instanceId: string = "";
  let namespace: string = "";
  let logLevel: number = 0;
  let containerdVersion: string = "";
  let containerdTtrpcAddress: string = "";
  let containerdGrpcAddress: string = "";
  let containerdBinary: string = "";
  const extensions: Extension[] = [];
  let socketDir: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: instanceId = reader.string(); break;
      case 2: namespace = reader.string(); break;
      case 3: logLevel = reader.int32(); break;
      case 4: containerdVersion = reader.string(); break;
      case 5: containerdTtrpcAddress = reader.string(); break;
      case 6: containerdGrpcAddress = reader.string(); break;
      case 7: containerdBinary = reader.string(); break;
      case 8: extensions.push(readExtension(reader.bytes())); break;
      case 9: socketDir = reader.string(); break;
      default: reader.skip();
    }
  }
  return { instanceId, namespace, logLevel, containerdVersion, containerdTtrpcAddress, containerdGrpcAddress, containerdBinary, extensions, socketDir };
}

export function writeBootstrapParams(message: Draft<BootstrapParams>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.instanceId);
  writer.string(2, message.namespace);
  writer.int(3, message.logLevel);
  writer.string(4, message.containerdVersion);
  writer.string(5, message.containerdTtrpcAddress);
  writer.string(6, message.containerdGrpcAddress);
  writer.string(7, message.containerdBinary);
  for (const each of message.extensions ?? []) writer.message(8, writeExtension(each));
  writer.string(9, message.socketDir);
  return writer.finish();
}

export interface BootstrapResult {
  readonly version: number;
  readonly address: string;
  readonly protocol: string;
}

export function readBootstrapResult(from: Uint8Array): BootstrapResult {
  let version: number = 0;
  let address: string = "";
  let protocol: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: version = reader.int32(); break;
      case 2: address = reader.string(); break;
      case 3: protocol = reader.string(); break;
      default: reader.skip();
    }
  }
  return { version, address, protocol };
}

export function writeBootstrapResult(message: Draft<BootstrapResult>): Uint8Array {
  const writer = new Writer();
  writer.int(1, message.version);
  writer.string(2, message.address);
  writer.string(3, message.protocol);
  return writer.finish();
}

export interface RuntimeVersion {
  readonly version: string;
  readonly revision: string;
}

export function readRuntimeVersion(from: Uint8Array): RuntimeVersion {
  let version: string = "";
  let revision: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: version = reader.string(); break;
      case 2: revision = reader.string(); break;
      default: reader.skip();
    }
  }
  return { version, revision };
}

export function writeRuntimeVersion(message: Draft<RuntimeVersion>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.version);
  writer.string(2, message.revision);
  return writer.finish();
}

export interface RuntimeInfo {
  readonly name: string;
  readonly version: RuntimeVersion | undefined;
  readonly options: Any | undefined;
  readonly features: Any | undefined;
  readonly annotations: readonly KeyValue[];
}

export function readRuntimeInfo(from: Uint8Array): RuntimeInfo {
  let name: string = "";
  let version: RuntimeVersion | undefined;
  let options: Any | undefined;
  let features: Any | undefined;
  const annotations: KeyValue[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: name = reader.string(); break;
      case 2: version = readRuntimeVersion(reader.bytes()); break;
      case 3: options = readAny(reader.bytes()); break;
      case 4: features = readAny(reader.bytes()); break;
      case 5: annotations.push(readKeyValue(reader.bytes())); break;
      default: reader.skip();
    }
  }
  return { name, version, options, features, annotations };
}

export function writeRuntimeInfo(message: Draft<RuntimeInfo>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.name);
  if (message.version !== undefined) writer.message(2, writeRuntimeVersion(message.version));
  if (message.options !== undefined) writer.message(3, writeAny(message.options));
  if (message.features !== undefined) writer.message(4, writeAny(message.features));
  for (const each of message.annotations ?? []) writer.message(5, writeKeyValue(each));
  return writer.finish();
}

export interface RuncOptions {
  readonly noPivotRoot: boolean;
  readonly noNewKeyring: boolean;
  readonly shimCgroup: string;
  readonly ioUid: number;
  readonly ioGid: number;
  readonly binaryName: string;
  readonly root: string;
  readonly criuPath: string;
  readonly systemdCgroup: boolean;
  readonly criuImagePath: string;
  readonly criuWorkPath: string;
  readonly taskApiAddress: string;
  readonly taskApiVersion: number;
}

export function readRuncOptions(from: Uint8Array): RuncOptions {
  let noPivotRoot: boolean = false;
  let noNewKeyring: boolean = false;
  let shimCgroup: string = "";
  let ioUid: number = 0;
  let ioGid: number = 0;
  let binaryName: string = "";
  let root: string = "";
  let criuPath: string = "";
  let systemdCgroup: boolean = false;
  let criuImagePath: string = "";
  let criuWorkPath: string = "";
  let taskApiAddress: string = "";
  let taskApiVersion: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: noPivotRoot = reader.bool(); break;
      case 2: noNewKeyring = reader.bool(); break;
      case 3: shimCgroup = reader.string(); break;
      case 4: ioUid = reader.uint32(); break;
      case 5: ioGid = reader.uint32(); break;
      case 6: binaryName = reader.string(); break;
      case 7: root = reader.string(); break;
      case 8: criuPath = reader.string(); break;
      case 9: systemdCgroup = reader.bool(); break;
      case 10: criuImagePath = reader.string(); break;
      case 11: criuWorkPath = reader.string(); break;
      case 12: taskApiAddress = reader.string(); break;
      case 13: taskApiVersion = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { noPivotRoot, noNewKeyring, shimCgroup, ioUid, ioGid, binaryName, root, criuPath, systemdCgroup, criuImagePath, criuWorkPath, taskApiAddress, taskApiVersion };
}

export function writeRuncOptions(message: Draft<RuncOptions>): Uint8Array {
  const writer = new Writer();
  writer.bool(1, message.noPivotRoot);
  writer.bool(2, message.noNewKeyring);
  writer.string(3, message.shimCgroup);
  writer.uint(4, message.ioUid);
  writer.uint(5, message.ioGid);
  writer.string(6, message.binaryName);
  writer.string(7, message.root);
  writer.string(8, message.criuPath);
  writer.bool(9, message.systemdCgroup);
  writer.string(10, message.criuImagePath);
  writer.string(11, message.criuWorkPath);
  writer.string(12, message.taskApiAddress);
  writer.uint(13, message.taskApiVersion);
  return writer.finish();
}

export interface RuntimeOptions {
  readonly typeUrl: string;
  readonly configPath: string;
  readonly configBody: Uint8Array;
}

export function readRuntimeOptions(from: Uint8Array): RuntimeOptions {
  let typeUrl: string = "";
  let configPath: string = "";
  let configBody: Uint8Array = NO_BYTES;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: typeUrl = reader.string(); break;
      case 2: configPath = reader.string(); break;
      case 3: configBody = reader.bytes(); break;
      default: reader.skip();
    }
  }
  return { typeUrl, configPath, configBody };
}

export function writeRuntimeOptions(message: Draft<RuntimeOptions>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.typeUrl);
  writer.string(2, message.configPath);
  writer.bytes(3, message.configBody);
  return writer.finish();
}

export interface CheckpointOptions {
  readonly exit: boolean;
  readonly openTcp: boolean;
  readonly externalUnixSockets: boolean;
  readonly terminal: boolean;
  readonly fileLocks: boolean;
  readonly emptyNamespaces: readonly string[];
  readonly cgroupsMode: string;
  readonly imagePath: string;
  readonly workPath: string;
  readonly parentPath: string;
}

export function readCheckpointOptions(from: Uint8Array): CheckpointOptions {
  let exit: boolean = false;
  let openTcp: boolean = false;
  let externalUnixSockets: boolean = false;
  let terminal: boolean = false;
  let fileLocks: boolean = false;
  const emptyNamespaces: string[] = [];
  let cgroupsMode: string = "";
  let imagePath: string = "";
  let workPath: string = "";
  let parentPath: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: exit = reader.bool(); break;
      case 2: openTcp = reader.bool(); break;
      case 3: externalUnixSockets = reader.bool(); break;
      case 4: terminal = reader.bool(); break;
      case 5: fileLocks = reader.bool(); break;
      case 6: emptyNamespaces.push(reader.string()); break;
      case 7: cgroupsMode = reader.string(); break;
      case 8: imagePath = reader.string(); break;
      case 9: workPath = reader.string(); break;
      case 10: parentPath = reader.string(); break;
      default: reader.skip();
    }
  }
  return { exit, openTcp, externalUnixSockets, terminal, fileLocks, emptyNamespaces, cgroupsMode, imagePath, workPath, parentPath };
}

export function writeCheckpointOptions(message: Draft<CheckpointOptions>): Uint8Array {
  const writer = new Writer();
  writer.bool(1, message.exit);
  writer.bool(2, message.openTcp);
  writer.bool(3, message.externalUnixSockets);
  writer.bool(4, message.terminal);
  writer.bool(5, message.fileLocks);
  for (const each of message.emptyNamespaces ?? []) writer.text(6, each);
  writer.string(7, message.cgroupsMode);
  writer.string(8, message.imagePath);
  writer.string(9, message.workPath);
  writer.string(10, message.parentPath);
  return writer.finish();
}

export interface Envelope {
  readonly timestamp: Timestamp | undefined;
  readonly namespace: string;
  readonly topic: string;
  readonly event: Any | undefined;
}

export function readEnvelope(from: Uint8Array): Envelope {
  let timestamp: Timestamp | undefined;
  let namespace: string = "";
  let topic: string = "";
  let event: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: timestamp = readTimestamp(reader.bytes()); break;
      case 2: namespace = reader.string(); break;
      case 3: topic = reader.string(); break;
      case 4: event = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { timestamp, namespace, topic, event };
}

export function writeEnvelope(message: Draft<Envelope>): Uint8Array {
  const writer = new Writer();
  if (message.timestamp !== undefined) writer.message(1, writeTimestamp(message.timestamp));
  writer.string(2, message.namespace);
  writer.string(3, message.topic);
  if (message.event !== undefined) writer.message(4, writeAny(message.event));
  return writer.finish();
}

export interface ForwardRequest {
  readonly envelope: Envelope | undefined;
}

export function readForwardRequest(from: Uint8Array): ForwardRequest {
  let envelope: Envelope | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: envelope = readEnvelope(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { envelope };
}

export function writeForwardRequest(message: Draft<ForwardRequest>): Uint8Array {
  const writer = new Writer();
  if (message.envelope !== undefined) writer.message(1, writeEnvelope(message.envelope));
  return writer.finish();
}

export interface TaskIo {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export function readTaskIo(from: Uint8Array): TaskIo {
  let stdin: string = "";
  let stdout: string = "";
  let stderr: string = "";
  let terminal: boolean = false;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: stdin = reader.string(); break;
      case 2: stdout = reader.string(); break;
      case 3: stderr = reader.string(); break;
      case 4: terminal = reader.bool(); break;
      default: reader.skip();
    }
  }
  return { stdin, stdout, stderr, terminal };
}

export function writeTaskIo(message: Draft<TaskIo>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.stdin);
  writer.string(2, message.stdout);
  writer.string(3, message.stderr);
  writer.bool(4, message.terminal);
  return writer.finish();
}

export interface TaskCreate {
  readonly containerId: string;
  readonly bundle: string;
  readonly rootfs: readonly Mount[];
  readonly io: TaskIo | undefined;
  readonly checkpoint: string;
  readonly pid: number;
}

export function readTaskCreate(from: Uint8Array): TaskCreate {
  let containerId: string = "";
  let bundle: string = "";
  const rootfs: Mount[] = [];
  let io: TaskIo | undefined;
  let checkpoint: string = "";
  let pid: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: bundle = reader.string(); break;
      case 3: rootfs.push(readMount(reader.bytes())); break;
      case 4: io = readTaskIo(reader.bytes()); break;
      case 5: checkpoint = reader.string(); break;
      case 6: pid = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { containerId, bundle, rootfs, io, checkpoint, pid };
}

export function writeTaskCreate(message: Draft<TaskCreate>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.string(2, message.bundle);
  for (const each of message.rootfs ?? []) writer.message(3, writeMount(each));
  if (message.io !== undefined) writer.message(4, writeTaskIo(message.io));
  writer.string(5, message.checkpoint);
  writer.uint(6, message.pid);
  return writer.finish();
}

export interface TaskStart {
  readonly containerId: string;
  readonly pid: number;
}

export function readTaskStart(from: Uint8Array): TaskStart {
  let containerId: string = "";
  let pid: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: pid = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { containerId, pid };
}

export function writeTaskStart(message: Draft<TaskStart>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.uint(2, message.pid);
  return writer.finish();
}

export interface TaskDelete {
  readonly containerId: string;
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | undefined;
  readonly id: string;
}

export function readTaskDelete(from: Uint8Array): TaskDelete {
  let containerId: string = "";
  let pid: number = 0;
  let exitStatus: number = 0;
  let exitedAt: Timestamp | undefined;
  let id: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: pid = reader.uint32(); break;
      case 3: exitStatus = reader.uint32(); break;
      case 4: exitedAt = readTimestamp(reader.bytes()); break;
      case 5: id = reader.string(); break;
      default: reader.skip();
    }
  }
  return { containerId, pid, exitStatus, exitedAt, id };
}

export function writeTaskDelete(message: Draft<TaskDelete>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.uint(2, message.pid);
  writer.uint(3, message.exitStatus);
  if (message.exitedAt !== undefined) writer.message(4, writeTimestamp(message.exitedAt));
  writer.string(5, message.id);
  return writer.finish();
}

export interface TaskExit {
  readonly containerId: string;
  readonly id: string;
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | undefined;
}

export function readTaskExit(from: Uint8Array): TaskExit {
  let containerId: string = "";
  let id: string = "";
  let pid: number = 0;
  let exitStatus: number = 0;
  let exitedAt: Timestamp | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: id = reader.string(); break;
      case 3: pid = reader.uint32(); break;
      case 4: exitStatus = reader.uint32(); break;
      case 5: exitedAt = readTimestamp(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { containerId, id, pid, exitStatus, exitedAt };
}

export function writeTaskExit(message: Draft<TaskExit>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.string(2, message.id);
  writer.uint(3, message.pid);
  writer.uint(4, message.exitStatus);
  if (message.exitedAt !== undefined) writer.message(5, writeTimestamp(message.exitedAt));
  return writer.finish();
}

export interface TaskAlone {
  readonly containerId: string;
}

export function readTaskAlone(from: Uint8Array): TaskAlone {
  let containerId: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      default: reader.skip();
    }
  }
  return { containerId };
}

export function writeTaskAlone(message: Draft<TaskAlone>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  return writer.finish();
}

export interface TaskExecAdded {
  readonly containerId: string;
  readonly execId: string;
}

export function readTaskExecAdded(from: Uint8Array): TaskExecAdded {
  let containerId: string = "";
  let execId: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: execId = reader.string(); break;
      default: reader.skip();
    }
  }
  return { containerId, execId };
}

export function writeTaskExecAdded(message: Draft<TaskExecAdded>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.string(2, message.execId);
  return writer.finish();
}

export interface TaskExecStarted {
  readonly containerId: string;
  readonly execId: string;
  readonly pid: number;
}

export function readTaskExecStarted(from: Uint8Array): TaskExecStarted {
  let containerId: string = "";
  let execId: string = "";
  let pid: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: execId = reader.string(); break;
      case 3: pid = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { containerId, execId, pid };
}

export function writeTaskExecStarted(message: Draft<TaskExecStarted>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.string(2, message.execId);
  writer.uint(3, message.pid);
  return writer.finish();
}

export interface TaskCheckpointed {
  readonly containerId: string;
  readonly checkpoint: string;
}

export function readTaskCheckpointed(from: Uint8Array): TaskCheckpointed {
  let containerId: string = "";
  let checkpoint: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: containerId = reader.string(); break;
      case 2: checkpoint = reader.string(); break;
      default: reader.skip();
    }
  }
  return { containerId, checkpoint };
}

export function writeTaskCheckpointed(message: Draft<TaskCheckpointed>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.containerId);
  writer.string(2, message.checkpoint);
  return writer.finish();
}

export interface MetricsV1 {
  readonly hugetlb: readonly HugetlbStatV1[];
  readonly pids: PidsStatV1 | undefined;
  readonly cpu: CpuStatV1 | undefined;
  readonly memory: MemoryStatV1 | undefined;
  readonly blkio: BlkIoStatV1 | undefined;
  readonly rdma: RdmaStatV1 | undefined;
  readonly memoryOomControl: MemoryOomControlV1 | undefined;
}

export function readMetricsV1(from: Uint8Array): MetricsV1 {
  const hugetlb: HugetlbStatV1[] = [];
  let pids: PidsStatV1 | undefined;
  let cpu: CpuStatV1 | undefined;
  let memory: MemoryStatV1 | undefined;
  let blkio: BlkIoStatV1 | undefined;
  let rdma: RdmaStatV1 | undefined;
  let memoryOomControl: MemoryOomControlV1 | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: hugetlb.push(readHugetlbStatV1(reader.bytes())); break;
      case 2: pids = readPidsStatV1(reader.bytes()); break;
      case 3: cpu = readCpuStatV1(reader.bytes()); break;
      case 4: memory = readMemoryStatV1(reader.bytes()); break;
      case 5: blkio = readBlkIoStatV1(reader.bytes()); break;
      case 6: rdma = readRdmaStatV1(reader.bytes()); break;
      case 9: memoryOomControl = readMemoryOomControlV1(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { hugetlb, pids, cpu, memory, blkio, rdma, memoryOomControl };
}

export function writeMetricsV1(message: Draft<MetricsV1>): Uint8Array {
  const writer = new Writer();
  for (const each of message.hugetlb ?? []) writer.message(1, writeHugetlbStatV1(each));
  if (message.pids !== undefined) writer.message(2, writePidsStatV1(message.pids));
  if (message.cpu !== undefined) writer.message(3, writeCpuStatV1(message.cpu));
  if (message.memory !== undefined) writer.message(4, writeMemoryStatV1(message.memory));
  if (message.blkio !== undefined) writer.message(5, writeBlkIoStatV1(message.blkio));
  if (message.rdma !== undefined) writer.message(6, writeRdmaStatV1(message.rdma));
  if (message.memoryOomControl !== undefined) writer.message(9, writeMemoryOomControlV1(message.memoryOomControl));
  return writer.finish();
}

export interface HugetlbStatV1 {
  readonly usage: Count;
  readonly max: Count;
  readonly failcnt: Count;
  readonly pagesize: string;
}

export function readHugetlbStatV1(from: Uint8Array): HugetlbStatV1 {
  let usage: Count = 0;
  let max: Count = 0;
  let failcnt: Count = 0;
  let pagesize: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: usage = reader.uint64(); break;
      case 2: max = reader.uint64(); break;
      case 3: failcnt = reader.uint64(); break;
      case 4: pagesize = reader.string(); break;
      default: reader.skip();
    }
  }
  return { usage, max, failcnt, pagesize };
}

export function writeHugetlbStatV1(message: Draft<HugetlbStatV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.usage);
  writer.uint(2, message.max);
  writer.uint(3, message.failcnt);
  writer.string(4, message.pagesize);
  return writer.finish();
}

export interface PidsStatV1 {
  readonly current: Count;
  readonly limit: Count;
}

export function readPidsStatV1(from: Uint8Array): PidsStatV1 {
  let current: Count = 0;
  let limit: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: current = reader.uint64(); break;
      case 2: limit = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { current, limit };
}

export function writePidsStatV1(message: Draft<PidsStatV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.current);
  writer.uint(2, message.limit);
  return writer.finish();
}

export interface CpuStatV1 {
  readonly usage: CpuUsageV1 | undefined;
  readonly throttling: ThrottleV1 | undefined;
}

export function readCpuStatV1(from: Uint8Array): CpuStatV1 {
  let usage: CpuUsageV1 | undefined;
  let throttling: ThrottleV1 | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: usage = readCpuUsageV1(reader.bytes()); break;
      case 2: throttling = readThrottleV1(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { usage, throttling };
}

export function writeCpuStatV1(message: Draft<CpuStatV1>): Uint8Array {
  const writer = new Writer();
  if (message.usage !== undefined) writer.message(1, writeCpuUsageV1(message.usage));
  if (message.throttling !== undefined) writer.message(2, writeThrottleV1(message.throttling));
  return writer.finish();
}

export interface CpuUsageV1 {
  readonly total: Count;
  readonly kernel: Count;
  readonly user: Count;
  readonly perCpu: readonly Count[];
}

export function readCpuUsageV1(from: Uint8Array): CpuUsageV1 {
  let total: Count = 0;
  let kernel: Count = 0;
  let user: Count = 0;
  const perCpu: Count[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: total = reader.uint64(); break;
      case 2: kernel = reader.uint64(); break;
      case 3: user = reader.uint64(); break;
      case 4: reader.packed(() => perCpu.push(reader.uint64())); break;
      default: reader.skip();
    }
  }
  return { total, kernel, user, perCpu };
}

export function writeCpuUsageV1(message: Draft<CpuUsageV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.total);
  writer.uint(2, message.kernel);
  writer.uint(3, message.user);
  writer.packed(4, message.perCpu);
  return writer.finish();
}

export interface ThrottleV1 {
  readonly periods: Count;
  readonly throttledPeriods: Count;
  readonly throttledTime: Count;
}

export function readThrottleV1(from: Uint8Array): ThrottleV1 {
  let periods: Count = 0;
  let throttledPeriods: Count = 0;
  let throttledTime: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: periods = reader.uint64(); break;
      case 2: throttledPeriods = reader.uint64(); break;
      case 3: throttledTime = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { periods, throttledPeriods, throttledTime };
}

export function writeThrottleV1(message: Draft<ThrottleV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.periods);
  writer.uint(2, message.throttledPeriods);
  writer.uint(3, message.throttledTime);
  return writer.finish();
}

export interface MemoryStatV1 {
  readonly cache: Count;
  readonly rss: Count;
  readonly rssHuge: Count;
  readonly mappedFile: Count;
  readonly dirty: Count;
  readonly writeback: Count;
  readonly pgPgIn: Count;
  readonly pgPgOut: Count;
  readonly pgFault: Count;
  readonly pgMajFault: Count;
  readonly inactiveAnon: Count;
  readonly activeAnon: Count;
  readonly inactiveFile: Count;
  readonly activeFile: Count;
  readonly unevictable: Count;
  readonly hierarchicalMemoryLimit: Count;
  readonly hierarchicalSwapLimit: Count;
  readonly totalCache: Count;
  readonly totalRss: Count;
  readonly totalRssHuge: Count;
  readonly totalMappedFile: Count;
  readonly totalDirty: Count;
  readonly totalWriteback: Count;
  readonly totalPgPgIn: Count;
  readonly totalPgPgOut: Count;
  readonly totalPgFault: Count;
  readonly totalPgMajFault: Count;
  readonly totalInactiveAnon: Count;
  readonly totalActiveAnon: Count;
  readonly totalInactiveFile: Count;
  readonly totalActiveFile: Count;
  readonly totalUnevictable: Count;
  readonly usage: MemoryEntryV1 | undefined;
  readonly swap: MemoryEntryV1 | undefined;
  readonly kernel: MemoryEntryV1 | undefined;
  readonly kernelTcp: MemoryEntryV1 | undefined;
}

export function readMemoryStatV1(from: Uint8Array): MemoryStatV1 {
  let cache: Count = 0;
  let rss: Count = 0;
  let rssHuge: Count = 0;
  let mappedFile: Count = 0;
  let dirty: Count = 0;
  let writeback: Count = 0;
  let pgPgIn: Count = 0;
  let pgPgOut: Count = 0;
  let pgFault: Count = 0;
  let pgMajFault: Count = 0;
  let inactiveAnon: Count = 0;
  let activeAnon: Count = 0;
  let inactiveFile: Count = 0;
  let activeFile: Count = 0;
  let unevictable: Count = 0;
  let hierarchicalMemoryLimit: Count = 0;
  let hierarchicalSwapLimit: Count = 0;
  let totalCache: Count = 0;
  let totalRss: Count = 0;
  let totalRssHuge: Count = 0;
  let totalMappedFile: Count = 0;
  let totalDirty: Count = 0;
  let totalWriteback: Count = 0;
  let totalPgPgIn: Count = 0;
  let totalPgPgOut: Count = 0;
  let totalPgFault: Count = 0;
  let totalPgMajFault: Count = 0;
  let totalInactiveAnon: Count = 0;
  let totalActiveAnon: Count = 0;
  let totalInactiveFile: Count = 0;
  let totalActiveFile: Count = 0;
  let totalUnevictable: Count = 0;
  let usage: MemoryEntryV1 | undefined;
  let swap: MemoryEntryV1 | undefined;
  let kernel: MemoryEntryV1 | undefined;
  let kernelTcp: MemoryEntryV1 | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: cache = reader.uint64(); break;
      case 2: rss = reader.uint64(); break;
      case 3: rssHuge = reader.uint64(); break;
      case 4: mappedFile = reader.uint64(); break;
      case 5: dirty = reader.uint64(); break;
      case 6: writeback = reader.uint64(); break;
      case 7: pgPgIn = reader.uint64(); break;
      case 8: pgPgOut = reader.uint64(); break;
      case 9: pgFault = reader.uint64(); break;
      case 10: pgMajFault = reader.uint64(); break;
      case 11: inactiveAnon = reader.uint64(); break;
      case 12: activeAnon = reader.uint64(); break;
      case 13: inactiveFile = reader.uint64(); break;
      case 14: activeFile = reader.uint64(); break;
      case 15: unevictable = reader.uint64(); break;
      case 16: hierarchicalMemoryLimit = reader.uint64(); break;
      case 17: hierarchicalSwapLimit = reader.uint64(); break;
      case 18: totalCache = reader.uint64(); break;
      case 19: totalRss = reader.uint64(); break;
      case 20: totalRssHuge = reader.uint64(); break;
      case 21: totalMappedFile = reader.uint64(); break;
      case 22: totalDirty = reader.uint64(); break;
      case 23: totalWriteback = reader.uint64(); break;
      case 24: totalPgPgIn = reader.uint64(); break;
      case 25: totalPgPgOut = reader.uint64(); break;
      case 26: totalPgFault = reader.uint64(); break;
      case 27: totalPgMajFault = reader.uint64(); break;
      case 28: totalInactiveAnon = reader.uint64(); break;
      case 29: totalActiveAnon = reader.uint64(); break;
      case 30: totalInactiveFile = reader.uint64(); break;
      case 31: totalActiveFile = reader.uint64(); break;
      case 32: totalUnevictable = reader.uint64(); break;
      case 33: usage = readMemoryEntryV1(reader.bytes()); break;
      case 34: swap = readMemoryEntryV1(reader.bytes()); break;
      case 35: kernel = readMemoryEntryV1(reader.bytes()); break;
      case 36: kernelTcp = readMemoryEntryV1(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { cache, rss, rssHuge, mappedFile, dirty, writeback, pgPgIn, pgPgOut, pgFault, pgMajFault, inactiveAnon, activeAnon, inactiveFile, activeFile, unevictable, hierarchicalMemoryLimit, hierarchicalSwapLimit, totalCache, totalRss, totalRssHuge, totalMappedFile, totalDirty, totalWriteback, totalPgPgIn, totalPgPgOut, totalPgFault, totalPgMajFault, totalInactiveAnon, totalActiveAnon, totalInactiveFile, totalActiveFile, totalUnevictable, usage, swap, kernel, kernelTcp };
}

export function writeMemoryStatV1(message: Draft<MemoryStatV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.cache);
  writer.uint(2, message.rss);
  writer.uint(3, message.rssHuge);
  writer.uint(4, message.mappedFile);
  writer.uint(5, message.dirty);
  writer.uint(6, message.writeback);
  writer.uint(7, message.pgPgIn);
  writer.uint(8, message.pgPgOut);
  writer.uint(9, message.pgFault);
  writer.uint(10, message.pgMajFault);
  writer.uint(11, message.inactiveAnon);
  writer.uint(12, message.activeAnon);
  writer.uint(13, message.inactiveFile);
  writer.uint(14, message.activeFile);
  writer.uint(15, message.unevictable);
  writer.uint(16, message.hierarchicalMemoryLimit);
  writer.uint(17, message.hierarchicalSwapLimit);
  writer.uint(18, message.totalCache);
  writer.uint(19, message.totalRss);
  writer.uint(20, message.totalRssHuge);
  writer.uint(21, message.totalMappedFile);
  writer.uint(22, message.totalDirty);
  writer.uint(23, message.totalWriteback);
  writer.uint(24, message.totalPgPgIn);
  writer.uint(25, message.totalPgPgOut);
  writer.uint(26, message.totalPgFault);
  writer.uint(27, message.totalPgMajFault);
  writer.uint(28, message.totalInactiveAnon);
  writer.uint(29, message.totalActiveAnon);
  writer.uint(30, message.totalInactiveFile);
  writer.uint(31, message.totalActiveFile);
  writer.uint(32, message.totalUnevictable);
  if (message.usage !== undefined) writer.message(33, writeMemoryEntryV1(message.usage));
  if (message.swap !== undefined) writer.message(34, writeMemoryEntryV1(message.swap));
  if (message.kernel !== undefined) writer.message(35, writeMemoryEntryV1(message.kernel));
  if (message.kernelTcp !== undefined) writer.message(36, writeMemoryEntryV1(message.kernelTcp));
  return writer.finish();
}

export interface MemoryEntryV1 {
  readonly limit: Count;
  readonly usage: Count;
  readonly max: Count;
  readonly failcnt: Count;
}

export function readMemoryEntryV1(from: Uint8Array): MemoryEntryV1 {
  let limit: Count = 0;
  let usage: Count = 0;
  let max: Count = 0;
  let failcnt: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: limit = reader.uint64(); break;
      case 2: usage = reader.uint64(); break;
      case 3: max = reader.uint64(); break;
      case 4: failcnt = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { limit, usage, max, failcnt };
}

export function writeMemoryEntryV1(message: Draft<MemoryEntryV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.limit);
  writer.uint(2, message.usage);
  writer.uint(3, message.max);
  writer.uint(4, message.failcnt);
  return writer.finish();
}

export interface MemoryOomControlV1 {
  readonly oomKillDisable: Count;
  readonly underOom: Count;
  readonly oomKill: Count;
}

export function readMemoryOomControlV1(from: Uint8Array): MemoryOomControlV1 {
  let oomKillDisable: Count = 0;
  let underOom: Count = 0;
  let oomKill: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: oomKillDisable = reader.uint64(); break;
      case 2: underOom = reader.uint64(); break;
      case 3: oomKill = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { oomKillDisable, underOom, oomKill };
}

export function writeMemoryOomControlV1(message: Draft<MemoryOomControlV1>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.oomKillDisable);
  writer.uint(2, message.underOom);
  writer.uint(3, message.oomKill);
  return writer.finish();
}

export interface BlkIoStatV1 {
  readonly ioServiceBytesRecursive: readonly BlkIoEntryV1[];
  readonly ioServicedRecursive: readonly BlkIoEntryV1[];
  readonly ioQueuedRecursive: readonly BlkIoEntryV1[];
  readonly ioServiceTimeRecursive: readonly BlkIoEntryV1[];
  readonly ioWaitTimeRecursive: readonly BlkIoEntryV1[];
  readonly ioMergedRecursive: readonly BlkIoEntryV1[];
  readonly ioTimeRecursive: readonly BlkIoEntryV1[];
  readonly sectorsRecursive: readonly BlkIoEntryV1[];
}

export function readBlkIoStatV1(from: Uint8Array): BlkIoStatV1 {
  const ioServiceBytesRecursive: BlkIoEntryV1[] = [];
  const ioServicedRecursive: BlkIoEntryV1[] = [];
  const ioQueuedRecursive: BlkIoEntryV1[] = [];
  const ioServiceTimeRecursive: BlkIoEntryV1[] = [];
  const ioWaitTimeRecursive: BlkIoEntryV1[] = [];
  const ioMergedRecursive: BlkIoEntryV1[] = [];
  const ioTimeRecursive: BlkIoEntryV1[] = [];
  const sectorsRecursive: BlkIoEntryV1[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: ioServiceBytesRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 2: ioServicedRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 3: ioQueuedRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 4: ioServiceTimeRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 5: ioWaitTimeRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 6: ioMergedRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 7: ioTimeRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      case 8: sectorsRecursive.push(readBlkIoEntryV1(reader.bytes())); break;
      default: reader.skip();
    }
  }
  return { ioServiceBytesRecursive, ioServicedRecursive, ioQueuedRecursive, ioServiceTimeRecursive, ioWaitTimeRecursive, ioMergedRecursive, ioTimeRecursive, sectorsRecursive };
}

export function writeBlkIoStatV1(message: Draft<BlkIoStatV1>): Uint8Array {
  const writer = new Writer();
  for (const each of message.ioServiceBytesRecursive ?? []) writer.message(1, writeBlkIoEntryV1(each));
  for (const each of message.ioServicedRecursive ?? []) writer.message(2, writeBlkIoEntryV1(each));
  for (const each of message.ioQueuedRecursive ?? []) writer.message(3, writeBlkIoEntryV1(each));
  for (const each of message.ioServiceTimeRecursive ?? []) writer.message(4, writeBlkIoEntryV1(each));
  for (const each of message.ioWaitTimeRecursive ?? []) writer.message(5, writeBlkIoEntryV1(each));
  for (const each of message.ioMergedRecursive ?? []) writer.message(6, writeBlkIoEntryV1(each));
  for (const each of message.ioTimeRecursive ?? []) writer.message(7, writeBlkIoEntryV1(each));
  for (const each of message.sectorsRecursive ?? []) writer.message(8, writeBlkIoEntryV1(each));
  return writer.finish();
}

export interface BlkIoEntryV1 {
  readonly op: string;
  readonly device: string;
  readonly major: Count;
  readonly minor: Count;
  readonly value: Count;
}

export function readBlkIoEntryV1(from: Uint8Array): BlkIoEntryV1 {
  let op: string = "";
  let device: string = "";
  let major: Count = 0;
  let minor: Count = 0;
  let value: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: op = reader.string(); break;
      case 2: device = reader.string(); break;
      case 3: major = reader.uint64(); break;
      case 4: minor = reader.uint64(); break;
      case 5: value = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { op, device, major, minor, value };
}

export function writeBlkIoEntryV1(message: Draft<BlkIoEntryV1>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.op);
  writer.string(2, message.device);
  writer.uint(3, message.major);
  writer.uint(4, message.minor);
  writer.uint(5, message.value);
  return writer.finish();
}

export interface RdmaStatV1 {
  readonly current: readonly RdmaEntryV1[];
  readonly limit: readonly RdmaEntryV1[];
}

export function readRdmaStatV1(from: Uint8Array): RdmaStatV1 {
  const current: RdmaEntryV1[] = [];
  const limit: RdmaEntryV1[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: current.push(readRdmaEntryV1(reader.bytes())); break;
      case 2: limit.push(readRdmaEntryV1(reader.bytes())); break;
      default: reader.skip();
    }
  }
  return { current, limit };
}

export function writeRdmaStatV1(message: Draft<RdmaStatV1>): Uint8Array {
  const writer = new Writer();
  for (const each of message.current ?? []) writer.message(1, writeRdmaEntryV1(each));
  for (const each of message.limit ?? []) writer.message(2, writeRdmaEntryV1(each));
  return writer.finish();
}

export interface RdmaEntryV1 {
  readonly device: string;
  readonly hcaHandles: number;
  readonly hcaObjects: number;
}

export function readRdmaEntryV1(from: Uint8Array): RdmaEntryV1 {
  let device: string = "";
  let hcaHandles: number = 0;
  let hcaObjects: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: device = reader.string(); break;
      case 2: hcaHandles = reader.uint32(); break;
      case 3: hcaObjects = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { device, hcaHandles, hcaObjects };
}

export function writeRdmaEntryV1(message: Draft<RdmaEntryV1>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.device);
  writer.uint(2, message.hcaHandles);
  writer.uint(3, message.hcaObjects);
  return writer.finish();
}

export interface MetricsV2 {
  readonly pids: PidsStatV2 | undefined;
  readonly cpu: CpuStatV2 | undefined;
  readonly memory: MemoryStatV2 | undefined;
  readonly rdma: RdmaStatV2 | undefined;
  readonly io: IoStatV2 | undefined;
  readonly hugetlb: readonly HugetlbStatV2[];
  readonly memoryEvents: MemoryEventsV2 | undefined;
}

export function readMetricsV2(from: Uint8Array): MetricsV2 {
  let pids: PidsStatV2 | undefined;
  let cpu: CpuStatV2 | undefined;
  let memory: MemoryStatV2 | undefined;
  let rdma: RdmaStatV2 | undefined;
  let io: IoStatV2 | undefined;
  const hugetlb: HugetlbStatV2[] = [];
  let memoryEvents: MemoryEventsV2 | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: pids = readPidsStatV2(reader.bytes()); break;
      case 2: cpu = readCpuStatV2(reader.bytes()); break;
      case 4: memory = readMemoryStatV2(reader.bytes()); break;
      case 5: rdma = readRdmaStatV2(reader.bytes()); break;
      case 6: io = readIoStatV2(reader.bytes()); break;
      case 7: hugetlb.push(readHugetlbStatV2(reader.bytes())); break;
      case 8: memoryEvents = readMemoryEventsV2(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { pids, cpu, memory, rdma, io, hugetlb, memoryEvents };
}

export function writeMetricsV2(message: Draft<MetricsV2>): Uint8Array {
  const writer = new Writer();
  if (message.pids !== undefined) writer.message(1, writePidsStatV2(message.pids));
  if (message.cpu !== undefined) writer.message(2, writeCpuStatV2(message.cpu));
  if (message.memory !== undefined) writer.message(4, writeMemoryStatV2(message.memory));
  if (message.rdma !== undefined) writer.message(5, writeRdmaStatV2(message.rdma));
  if (message.io !== undefined) writer.message(6, writeIoStatV2(message.io));
  for (const each of message.hugetlb ?? []) writer.message(7, writeHugetlbStatV2(each));
  if (message.memoryEvents !== undefined) writer.message(8, writeMemoryEventsV2(message.memoryEvents));
  return writer.finish();
}

export interface PsiDataV2 {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: Count;
}

export function readPsiDataV2(from: Uint8Array): PsiDataV2 {
  let avg10: number = 0;
  let avg60: number = 0;
  let avg300: number = 0;
  let total: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: avg10 = reader.double(); break;
      case 2: avg60 = reader.double(); break;
      case 3: avg300 = reader.double(); break;
      case 4: total = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { avg10, avg60, avg300, total };
}

export function writePsiDataV2(message: Draft<PsiDataV2>): Uint8Array {
  const writer = new Writer();
  writer.double(1, message.avg10);
  writer.double(2, message.avg60);
  writer.double(3, message.avg300);
  writer.uint(4, message.total);
  return writer.finish();
}

export interface PsiStatsV2 {
  readonly some: PsiDataV2 | undefined;
  readonly full: PsiDataV2 | undefined;
}

export function readPsiStatsV2(from: Uint8Array): PsiStatsV2 {
  let some: PsiDataV2 | undefined;
  let full: PsiDataV2 | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: some = readPsiDataV2(reader.bytes()); break;
      case 2: full = readPsiDataV2(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { some, full };
}

export function writePsiStatsV2(message: Draft<PsiStatsV2>): Uint8Array {
  const writer = new Writer();
  if (message.some !== undefined) writer.message(1, writePsiDataV2(message.some));
  if (message.full !== undefined) writer.message(2, writePsiDataV2(message.full));
  return writer.finish();
}

export interface PidsStatV2 {
  readonly current: Count;
  readonly limit: Count;
}

export function readPidsStatV2(from: Uint8Array): PidsStatV2 {
  let current: Count = 0;
  let limit: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: current = reader.uint64(); break;
      case 2: limit = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { current, limit };
}

export function writePidsStatV2(message: Draft<PidsStatV2>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.current);
  writer.uint(2, message.limit);
  return writer.finish();
}

export interface CpuStatV2 {
  readonly usageUsec: Count;
  readonly userUsec: Count;
  readonly systemUsec: Count;
  readonly nrPeriods: Count;
  readonly nrThrottled: Count;
  readonly throttledUsec: Count;
  readonly psi: PsiStatsV2 | undefined;
  readonly nrBursts: Count;
  readonly burstUsec: Count;
}

export function readCpuStatV2(from: Uint8Array): CpuStatV2 {
  let usageUsec: Count = 0;
  let userUsec: Count = 0;
  let systemUsec: Count = 0;
  let nrPeriods: Count = 0;
  let nrThrottled: Count = 0;
  let throttledUsec: Count = 0;
  let psi: PsiStatsV2 | undefined;
  let nrBursts: Count = 0;
  let burstUsec: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: usageUsec = reader.uint64(); break;
      case 2: userUsec = reader.uint64(); break;
      case 3: systemUsec = reader.uint64(); break;
      case 4: nrPeriods = reader.uint64(); break;
      case 5: nrThrottled = reader.uint64(); break;
      case 6: throttledUsec = reader.uint64(); break;
      case 7: psi = readPsiStatsV2(reader.bytes()); break;
      case 8: nrBursts = reader.uint64(); break;
      case 9: burstUsec = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { usageUsec, userUsec, systemUsec, nrPeriods, nrThrottled, throttledUsec, psi, nrBursts, burstUsec };
}

export function writeCpuStatV2(message: Draft<CpuStatV2>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.usageUsec);
  writer.uint(2, message.userUsec);
  writer.uint(3, message.systemUsec);
  writer.uint(4, message.nrPeriods);
  writer.uint(5, message.nrThrottled);
  writer.uint(6, message.throttledUsec);
  if (message.psi !== undefined) writer.message(7, writePsiStatsV2(message.psi));
  writer.uint(8, message.nrBursts);
  writer.uint(9, message.burstUsec);
  return writer.finish();
}

export interface MemoryStatV2 {
  readonly anon: Count;
  readonly file: Count;
  readonly kernelStack: Count;
  readonly slab: Count;
  readonly sock: Count;
  readonly shmem: Count;
  readonly fileMapped: Count;
  readonly fileDirty: Count;
  readonly fileWriteback: Count;
  readonly anonThp: Count;
  readonly inactiveAnon: Count;
  readonly activeAnon: Count;
  readonly inactiveFile: Count;
  readonly activeFile: Count;
  readonly unevictable: Count;
  readonly slabReclaimable: Count;
  readonly slabUnreclaimable: Count;
  readonly pgfault: Count;
  readonly pgmajfault: Count;
  readonly workingsetRefault: Count;
  readonly workingsetActivate: Count;
  readonly workingsetNodereclaim: Count;
  readonly pgrefill: Count;
  readonly pgscan: Count;
  readonly pgsteal: Count;
  readonly pgactivate: Count;
  readonly pgdeactivate: Count;
  readonly pglazyfree: Count;
  readonly pglazyfreed: Count;
  readonly thpFaultAlloc: Count;
  readonly thpCollapseAlloc: Count;
  readonly usage: Count;
  readonly usageLimit: Count;
  readonly swapUsage: Count;
  readonly swapLimit: Count;
  readonly maxUsage: Count;
  readonly swapMaxUsage: Count;
  readonly psi: PsiStatsV2 | undefined;
  readonly workingsetRefaultAnon: Count;
  readonly workingsetRefaultFile: Count;
  readonly workingsetActivateAnon: Count;
  readonly workingsetActivateFile: Count;
}

export function readMemoryStatV2(from: Uint8Array): MemoryStatV2 {
  let anon: Count = 0;
  let file: Count = 0;
  let kernelStack: Count = 0;
  let slab: Count = 0;
  let sock: Count = 0;
  let shmem: Count = 0;
  let fileMapped: Count = 0;
  let fileDirty: Count = 0;
  let fileWriteback: Count = 0;
  let anonThp: Count = 0;
  let inactiveAnon: Count = 0;
  let activeAnon: Count = 0;
  let inactiveFile: Count = 0;
  let activeFile: Count = 0;
  let unevictable: Count = 0;
  let slabReclaimable: Count = 0;
  let slabUnreclaimable: Count = 0;
  let pgfault: Count = 0;
  let pgmajfault: Count = 0;
  let workingsetRefault: Count = 0;
  let workingsetActivate: Count = 0;
  let workingsetNodereclaim: Count = 0;
  let pgrefill: Count = 0;
  let pgscan: Count = 0;
  let pgsteal: Count = 0;
  let pgactivate: Count = 0;
  let pgdeactivate: Count = 0;
  let pglazyfree: Count = 0;
  let pglazyfreed: Count = 0;
  let thpFaultAlloc: Count = 0;
  let thpCollapseAlloc: Count = 0;
  let usage: Count = 0;
  let usageLimit: Count = 0;
  let swapUsage: Count = 0;
  let swapLimit: Count = 0;
  let maxUsage: Count = 0;
  let swapMaxUsage: Count = 0;
  let psi: PsiStatsV2 | undefined;
  let workingsetRefaultAnon: Count = 0;
  let workingsetRefaultFile: Count = 0;
  let workingsetActivateAnon: Count = 0;
  let workingsetActivateFile: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: anon = reader.uint64(); break;
      case 2: file = reader.uint64(); break;
      case 3: kernelStack = reader.uint64(); break;
      case 4: slab = reader.uint64(); break;
      case 5: sock = reader.uint64(); break;
      case 6: shmem = reader.uint64(); break;
      case 7: fileMapped = reader.uint64(); break;
      case 8: fileDirty = reader.uint64(); break;
      case 9: fileWriteback = reader.uint64(); break;
      case 10: anonThp = reader.uint64(); break;
      case 11: inactiveAnon = reader.uint64(); break;
      case 12: activeAnon = reader.uint64(); break;
      case 13: inactiveFile = reader.uint64(); break;
      case 14: activeFile = reader.uint64(); break;
      case 15: unevictable = reader.uint64(); break;
      case 16: slabReclaimable = reader.uint64(); break;
      case 17: slabUnreclaimable = reader.uint64(); break;
      case 18: pgfault = reader.uint64(); break;
      case 19: pgmajfault = reader.uint64(); break;
      case 20: workingsetRefault = reader.uint64(); break;
      case 21: workingsetActivate = reader.uint64(); break;
      case 22: workingsetNodereclaim = reader.uint64(); break;
      case 23: pgrefill = reader.uint64(); break;
      case 24: pgscan = reader.uint64(); break;
      case 25: pgsteal = reader.uint64(); break;
      case 26: pgactivate = reader.uint64(); break;
      case 27: pgdeactivate = reader.uint64(); break;
      case 28: pglazyfree = reader.uint64(); break;
      case 29: pglazyfreed = reader.uint64(); break;
      case 30: thpFaultAlloc = reader.uint64(); break;
      case 31: thpCollapseAlloc = reader.uint64(); break;
      case 32: usage = reader.uint64(); break;
      case 33: usageLimit = reader.uint64(); break;
      case 34: swapUsage = reader.uint64(); break;
      case 35: swapLimit = reader.uint64(); break;
      case 36: maxUsage = reader.uint64(); break;
      case 37: swapMaxUsage = reader.uint64(); break;
      case 38: psi = readPsiStatsV2(reader.bytes()); break;
      case 39: workingsetRefaultAnon = reader.uint64(); break;
      case 40: workingsetRefaultFile = reader.uint64(); break;
      case 41: workingsetActivateAnon = reader.uint64(); break;
      case 42: workingsetActivateFile = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { anon, file, kernelStack, slab, sock, shmem, fileMapped, fileDirty, fileWriteback, anonThp, inactiveAnon, activeAnon, inactiveFile, activeFile, unevictable, slabReclaimable, slabUnreclaimable, pgfault, pgmajfault, workingsetRefault, workingsetActivate, workingsetNodereclaim, pgrefill, pgscan, pgsteal, pgactivate, pgdeactivate, pglazyfree, pglazyfreed, thpFaultAlloc, thpCollapseAlloc, usage, usageLimit, swapUsage, swapLimit, maxUsage, swapMaxUsage, psi, workingsetRefaultAnon, workingsetRefaultFile, workingsetActivateAnon, workingsetActivateFile };
}

export function writeMemoryStatV2(message: Draft<MemoryStatV2>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.anon);
  writer.uint(2, message.file);
  writer.uint(3, message.kernelStack);
  writer.uint(4, message.slab);
  writer.uint(5, message.sock);
  writer.uint(6, message.shmem);
  writer.uint(7, message.fileMapped);
  writer.uint(8, message.fileDirty);
  writer.uint(9, message.fileWriteback);
  writer.uint(10, message.anonThp);
  writer.uint(11, message.inactiveAnon);
  writer.uint(12, message.activeAnon);
  writer.uint(13, message.inactiveFile);
  writer.uint(14, message.activeFile);
  writer.uint(15, message.unevictable);
  writer.uint(16, message.slabReclaimable);
  writer.uint(17, message.slabUnreclaimable);
  writer.uint(18, message.pgfault);
  writer.uint(19, message.pgmajfault);
  writer.uint(20, message.workingsetRefault);
  writer.uint(21, message.workingsetActivate);
  writer.uint(22, message.workingsetNodereclaim);
  writer.uint(23, message.pgrefill);
  writer.uint(24, message.pgscan);
  writer.uint(25, message.pgsteal);
  writer.uint(26, message.pgactivate);
  writer.uint(27, message.pgdeactivate);
  writer.uint(28, message.pglazyfree);
  writer.uint(29, message.pglazyfreed);
  writer.uint(30, message.thpFaultAlloc);
  writer.uint(31, message.thpCollapseAlloc);
  writer.uint(32, message.usage);
  writer.uint(33, message.usageLimit);
  writer.uint(34, message.swapUsage);
  writer.uint(35, message.swapLimit);
  writer.uint(36, message.maxUsage);
  writer.uint(37, message.swapMaxUsage);
  if (message.psi !== undefined) writer.message(38, writePsiStatsV2(message.psi));
  writer.uint(39, message.workingsetRefaultAnon);
  writer.uint(40, message.workingsetRefaultFile);
  writer.uint(41, message.workingsetActivateAnon);
  writer.uint(42, message.workingsetActivateFile);
  return writer.finish();
}

export interface MemoryEventsV2 {
  readonly low: Count;
  readonly high: Count;
  readonly max: Count;
  readonly oom: Count;
  readonly oomKill: Count;
  readonly oomGroupKill: Count;
}

export function readMemoryEventsV2(from: Uint8Array): MemoryEventsV2 {
  let low: Count = 0;
  let high: Count = 0;
  let max: Count = 0;
  let oom: Count = 0;
  let oomKill: Count = 0;
  let oomGroupKill: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: low = reader.uint64(); break;
      case 2: high = reader.uint64(); break;
      case 3: max = reader.uint64(); break;
      case 4: oom = reader.uint64(); break;
      case 5: oomKill = reader.uint64(); break;
      case 6: oomGroupKill = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { low, high, max, oom, oomKill, oomGroupKill };
}

export function writeMemoryEventsV2(message: Draft<MemoryEventsV2>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.low);
  writer.uint(2, message.high);
  writer.uint(3, message.max);
  writer.uint(4, message.oom);
  writer.uint(5, message.oomKill);
  writer.uint(6, message.oomGroupKill);
  return writer.finish();
}

export interface RdmaStatV2 {
  readonly current: readonly RdmaEntryV2[];
  readonly limit: readonly RdmaEntryV2[];
}

export function readRdmaStatV2(from: Uint8Array): RdmaStatV2 {
  const current: RdmaEntryV2[] = [];
  const limit: RdmaEntryV2[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: current.push(readRdmaEntryV2(reader.bytes())); break;
      case 2: limit.push(readRdmaEntryV2(reader.bytes())); break;
      default: reader.skip();
    }
  }
  return { current, limit };
}

export function writeRdmaStatV2(message: Draft<RdmaStatV2>): Uint8Array {
  const writer = new Writer();
  for (const each of message.current ?? []) writer.message(1, writeRdmaEntryV2(each));
  for (const each of message.limit ?? []) writer.message(2, writeRdmaEntryV2(each));
  return writer.finish();
}

export interface RdmaEntryV2 {
  readonly device: string;
  readonly hcaHandles: number;
  readonly hcaObjects: number;
}

export function readRdmaEntryV2(from: Uint8Array): RdmaEntryV2 {
  let device: string = "";
  let hcaHandles: number = 0;
  let hcaObjects: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: device = reader.string(); break;
      case 2: hcaHandles = reader.uint32(); break;
      case 3: hcaObjects = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { device, hcaHandles, hcaObjects };
}

export function writeRdmaEntryV2(message: Draft<RdmaEntryV2>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.device);
  writer.uint(2, message.hcaHandles);
  writer.uint(3, message.hcaObjects);
  return writer.finish();
}

export interface IoStatV2 {
  readonly usage: readonly IoEntryV2[];
  readonly psi: PsiStatsV2 | undefined;
}

export function readIoStatV2(from: Uint8Array): IoStatV2 {
  const usage: IoEntryV2[] = [];
  let psi: PsiStatsV2 | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: usage.push(readIoEntryV2(reader.bytes())); break;
      case 2: psi = readPsiStatsV2(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { usage, psi };
}

export function writeIoStatV2(message: Draft<IoStatV2>): Uint8Array {
  const writer = new Writer();
  for (const each of message.usage ?? []) writer.message(1, writeIoEntryV2(each));
  if (message.psi !== undefined) writer.message(2, writePsiStatsV2(message.psi));
  return writer.finish();
}

export interface IoEntryV2 {
  readonly major: Count;
  readonly minor: Count;
  readonly rbytes: Count;
  readonly wbytes: Count;
  readonly rios: Count;
  readonly wios: Count;
}

export function readIoEntryV2(from: Uint8Array): IoEntryV2 {
  let major: Count = 0;
  let minor: Count = 0;
  let rbytes: Count = 0;
  let wbytes: Count = 0;
  let rios: Count = 0;
  let wios: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: major = reader.uint64(); break;
      case 2: minor = reader.uint64(); break;
      case 3: rbytes = reader.uint64(); break;
      case 4: wbytes = reader.uint64(); break;
      case 5: rios = reader.uint64(); break;
      case 6: wios = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { major, minor, rbytes, wbytes, rios, wios };
}

export function writeIoEntryV2(message: Draft<IoEntryV2>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.major);
  writer.uint(2, message.minor);
  writer.uint(3, message.rbytes);
  writer.uint(4, message.wbytes);
  writer.uint(5, message.rios);
  writer.uint(6, message.wios);
  return writer.finish();
}

export interface HugetlbStatV2 {
  readonly current: Count;
  readonly max: Count;
  readonly pagesize: string;
  readonly failcnt: Count;
}

export function readHugetlbStatV2(from: Uint8Array): HugetlbStatV2 {
  let current: Count = 0;
  let max: Count = 0;
  let pagesize: string = "";
  let failcnt: Count = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: current = reader.uint64(); break;
      case 2: max = reader.uint64(); break;
      case 3: pagesize = reader.string(); break;
      case 4: failcnt = reader.uint64(); break;
      default: reader.skip();
    }
  }
  return { current, max, pagesize, failcnt };
}

export function writeHugetlbStatV2(message: Draft<HugetlbStatV2>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.current);
  writer.uint(2, message.max);
  writer.string(3, message.pagesize);
  writer.uint(4, message.failcnt);
  return writer.finish();
}

export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

export function readMount(from: Uint8Array): Mount {
  let type: string = "";
  let source: string = "";
  let target: string = "";
  const options: string[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: type = reader.string(); break;
      case 2: source = reader.string(); break;
      case 3: target = reader.string(); break;
      case 4: options.push(reader.string()); break;
      default: reader.skip();
    }
  }
  return { type, source, target, options };
}

export function writeMount(message: Draft<Mount>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.type);
  writer.string(2, message.source);
  writer.string(3, message.target);
  for (const each of message.options ?? []) writer.text(4, each);
  return writer.finish();
}

export interface CreateTaskRequest {
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: readonly Mount[];
  readonly terminal: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly checkpoint: string;
  readonly parentCheckpoint: string;
  readonly options: Any | undefined;
}

export function readCreateTaskRequest(from: Uint8Array): CreateTaskRequest {
  let id: string = "";
  let bundle: string = "";
  const rootfs: Mount[] = [];
  let terminal: boolean = false;
  let stdin: string = "";
  let stdout: string = "";
  let stderr: string = "";
  let checkpoint: string = "";
  let parentCheckpoint: string = "";
  let options: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: bundle = reader.string(); break;
      case 3: rootfs.push(readMount(reader.bytes())); break;
      case 4: terminal = reader.bool(); break;
      case 5: stdin = reader.string(); break;
      case 6: stdout = reader.string(); break;
      case 7: stderr = reader.string(); break;
      case 8: checkpoint = reader.string(); break;
      case 9: parentCheckpoint = reader.string(); break;
      case 10: options = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { id, bundle, rootfs, terminal, stdin, stdout, stderr, checkpoint, parentCheckpoint, options };
}

export function writeCreateTaskRequest(message: Draft<CreateTaskRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.bundle);
  for (const each of message.rootfs ?? []) writer.message(3, writeMount(each));
  writer.bool(4, message.terminal);
  writer.string(5, message.stdin);
  writer.string(6, message.stdout);
  writer.string(7, message.stderr);
  writer.string(8, message.checkpoint);
  writer.string(9, message.parentCheckpoint);
  if (message.options !== undefined) writer.message(10, writeAny(message.options));
  return writer.finish();
}

export interface PidResponse {
  readonly pid: number;
}

export function readPidResponse(from: Uint8Array): PidResponse {
  let pid: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: pid = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { pid };
}

export function writePidResponse(message: Draft<PidResponse>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.pid);
  return writer.finish();
}

export interface ProcessRequest {
  readonly id: string;
  readonly execId: string;
}

export function readProcessRequest(from: Uint8Array): ProcessRequest {
  let id: string = "";
  let execId: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: execId = reader.string(); break;
      default: reader.skip();
    }
  }
  return { id, execId };
}

export function writeProcessRequest(message: Draft<ProcessRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.execId);
  return writer.finish();
}

export interface DeleteResponse {
  readonly pid: number;
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | undefined;
}

export function readDeleteResponse(from: Uint8Array): DeleteResponse {
  let pid: number = 0;
  let exitStatus: number = 0;
  let exitedAt: Timestamp | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: pid = reader.uint32(); break;
      case 2: exitStatus = reader.uint32(); break;
      case 3: exitedAt = readTimestamp(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { pid, exitStatus, exitedAt };
}

export function writeDeleteResponse(message: Draft<DeleteResponse>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.pid);
  writer.uint(2, message.exitStatus);
  if (message.exitedAt !== undefined) writer.message(3, writeTimestamp(message.exitedAt));
  return writer.finish();
}

export interface ExecProcessRequest {
  readonly id: string;
  readonly execId: string;
  readonly terminal: boolean;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly spec: Any | undefined;
}

export function readExecProcessRequest(from: Uint8Array): ExecProcessRequest {
  let id: string = "";
  let execId: string = "";
  let terminal: boolean = false;
  let stdin: string = "";
  let stdout: string = "";
  let stderr: string = "";
  let spec: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: execId = reader.string(); break;
      case 3: terminal = reader.bool(); break;
      case 4: stdin = reader.string(); break;
      case 5: stdout = reader.string(); break;
      case 6: stderr = reader.string(); break;
      case 7: spec = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { id, execId, terminal, stdin, stdout, stderr, spec };
}

export function writeExecProcessRequest(message: Draft<ExecProcessRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.execId);
  writer.bool(3, message.terminal);
  writer.string(4, message.stdin);
  writer.string(5, message.stdout);
  writer.string(6, message.stderr);
  if (message.spec !== undefined) writer.message(7, writeAny(message.spec));
  return writer.finish();
}

export interface ResizePtyRequest {
  readonly id: string;
  readonly execId: string;
  readonly width: number;
  readonly height: number;
}

export function readResizePtyRequest(from: Uint8Array): ResizePtyRequest {
  let id: string = "";
  let execId: string = "";
  let width: number = 0;
  let height: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: execId = reader.string(); break;
      case 3: width = reader.uint32(); break;
      case 4: height = reader.uint32(); break;
      default: reader.skip();
    }
  }
  return { id, execId, width, height };
}

export function writeResizePtyRequest(message: Draft<ResizePtyRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.execId);
  writer.uint(3, message.width);
  writer.uint(4, message.height);
  return writer.finish();
}

export interface StateResponse {
  readonly id: string;
  readonly bundle: string;
  readonly pid: number;
  readonly status: number;
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | undefined;
  readonly execId: string;
}

export function readStateResponse(from: Uint8Array): StateResponse {
  let id: string = "";
  let bundle: string = "";
  let pid: number = 0;
  let status: number = 0;
  let stdin: string = "";
  let stdout: string = "";
  let stderr: string = "";
  let terminal: boolean = false;
  let exitStatus: number = 0;
  let exitedAt: Timestamp | undefined;
  let execId: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: bundle = reader.string(); break;
      case 3: pid = reader.uint32(); break;
      case 4: status = reader.int32(); break;
      case 5: stdin = reader.string(); break;
      case 6: stdout = reader.string(); break;
      case 7: stderr = reader.string(); break;
      case 8: terminal = reader.bool(); break;
      case 9: exitStatus = reader.uint32(); break;
      case 10: exitedAt = readTimestamp(reader.bytes()); break;
      case 11: execId = reader.string(); break;
      default: reader.skip();
    }
  }
  return { id, bundle, pid, status, stdin, stdout, stderr, terminal, exitStatus, exitedAt, execId };
}

export function writeStateResponse(message: Draft<StateResponse>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.bundle);
  writer.uint(3, message.pid);
  writer.int(4, message.status);
  writer.string(5, message.stdin);
  writer.string(6, message.stdout);
  writer.string(7, message.stderr);
  writer.bool(8, message.terminal);
  writer.uint(9, message.exitStatus);
  if (message.exitedAt !== undefined) writer.message(10, writeTimestamp(message.exitedAt));
  writer.string(11, message.execId);
  return writer.finish();
}

export interface KillRequest {
  readonly id: string;
  readonly execId: string;
  readonly signal: number;
  readonly all: boolean;
}

export function readKillRequest(from: Uint8Array): KillRequest {
  let id: string = "";
  let execId: string = "";
  let signal: number = 0;
  let all: boolean = false;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: execId = reader.string(); break;
      case 3: signal = reader.uint32(); break;
      case 4: all = reader.bool(); break;
      default: reader.skip();
    }
  }
  return { id, execId, signal, all };
}

export function writeKillRequest(message: Draft<KillRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.execId);
  writer.uint(3, message.signal);
  writer.bool(4, message.all);
  return writer.finish();
}

export interface CloseIoRequest {
  readonly id: string;
  readonly execId: string;
  readonly stdin: boolean;
}

export function readCloseIoRequest(from: Uint8Array): CloseIoRequest {
  let id: string = "";
  let execId: string = "";
  let stdin: boolean = false;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: execId = reader.string(); break;
      case 3: stdin = reader.bool(); break;
      default: reader.skip();
    }
  }
  return { id, execId, stdin };
}

export function writeCloseIoRequest(message: Draft<CloseIoRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.execId);
  writer.bool(3, message.stdin);
  return writer.finish();
}

export interface ProcessInfo {
  readonly pid: number;
  readonly info: Any | undefined;
}

export function readProcessInfo(from: Uint8Array): ProcessInfo {
  let pid: number = 0;
  let info: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: pid = reader.uint32(); break;
      case 2: info = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { pid, info };
}

export function writeProcessInfo(message: Draft<ProcessInfo>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.pid);
  if (message.info !== undefined) writer.message(2, writeAny(message.info));
  return writer.finish();
}

export interface PidsResponse {
  readonly processes: readonly ProcessInfo[];
}

export function readPidsResponse(from: Uint8Array): PidsResponse {
  const processes: ProcessInfo[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: processes.push(readProcessInfo(reader.bytes())); break;
      default: reader.skip();
    }
  }
  return { processes };
}

export function writePidsResponse(message: Draft<PidsResponse>): Uint8Array {
  const writer = new Writer();
  for (const each of message.processes ?? []) writer.message(1, writeProcessInfo(each));
  return writer.finish();
}

export interface ProcessDetails {
  readonly execId: string;
}

export function readProcessDetails(from: Uint8Array): ProcessDetails {
  let execId: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: execId = reader.string(); break;
      default: reader.skip();
    }
  }
  return { execId };
}

export function writeProcessDetails(message: Draft<ProcessDetails>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.execId);
  return writer.finish();
}

export interface CheckpointTaskRequest {
  readonly id: string;
  readonly path: string;
  readonly options: Any | undefined;
}

export function readCheckpointTaskRequest(from: Uint8Array): CheckpointTaskRequest {
  let id: string = "";
  let path: string = "";
  let options: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: path = reader.string(); break;
      case 3: options = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { id, path, options };
}

export function writeCheckpointTaskRequest(message: Draft<CheckpointTaskRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.string(2, message.path);
  if (message.options !== undefined) writer.message(3, writeAny(message.options));
  return writer.finish();
}

export interface UpdateTaskRequest {
  readonly id: string;
  readonly resources: Any | undefined;
}

export function readUpdateTaskRequest(from: Uint8Array): UpdateTaskRequest {
  let id: string = "";
  let resources: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: resources = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { id, resources };
}

export function writeUpdateTaskRequest(message: Draft<UpdateTaskRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  if (message.resources !== undefined) writer.message(2, writeAny(message.resources));
  return writer.finish();
}

export interface WaitResponse {
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | undefined;
}

export function readWaitResponse(from: Uint8Array): WaitResponse {
  let exitStatus: number = 0;
  let exitedAt: Timestamp | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: exitStatus = reader.uint32(); break;
      case 2: exitedAt = readTimestamp(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { exitStatus, exitedAt };
}

export function writeWaitResponse(message: Draft<WaitResponse>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.exitStatus);
  if (message.exitedAt !== undefined) writer.message(2, writeTimestamp(message.exitedAt));
  return writer.finish();
}

export interface StatsResponse {
  readonly stats: Any | undefined;
}

export function readStatsResponse(from: Uint8Array): StatsResponse {
  let stats: Any | undefined;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: stats = readAny(reader.bytes()); break;
      default: reader.skip();
    }
  }
  return { stats };
}

export function writeStatsResponse(message: Draft<StatsResponse>): Uint8Array {
  const writer = new Writer();
  if (message.stats !== undefined) writer.message(1, writeAny(message.stats));
  return writer.finish();
}

export interface ConnectResponse {
  readonly shimPid: number;
  readonly taskPid: number;
  readonly version: string;
}

export function readConnectResponse(from: Uint8Array): ConnectResponse {
  let shimPid: number = 0;
  let taskPid: number = 0;
  let version: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: shimPid = reader.uint32(); break;
      case 2: taskPid = reader.uint32(); break;
      case 3: version = reader.string(); break;
      default: reader.skip();
    }
  }
  return { shimPid, taskPid, version };
}

export function writeConnectResponse(message: Draft<ConnectResponse>): Uint8Array {
  const writer = new Writer();
  writer.uint(1, message.shimPid);
  writer.uint(2, message.taskPid);
  writer.string(3, message.version);
  return writer.finish();
}

export interface ShutdownRequest {
  readonly id: string;
  readonly now: boolean;
}

export function readShutdownRequest(from: Uint8Array): ShutdownRequest {
  let id: string = "";
  let now: boolean = false;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: id = reader.string(); break;
      case 2: now = reader.bool(); break;
      default: reader.skip();
    }
  }
  return { id, now };
}

export function writeShutdownRequest(message: Draft<ShutdownRequest>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.id);
  writer.bool(2, message.now);
  return writer.finish();
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
}

export function readKeyValue(from: Uint8Array): KeyValue {
  let key: string = "";
  let value: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: key = reader.string(); break;
      case 2: value = reader.string(); break;
      default: reader.skip();
    }
  }
  return { key, value };
}

export function writeKeyValue(message: Draft<KeyValue>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.key);
  writer.string(2, message.value);
  return writer.finish();
}

export interface Any {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

export function readAny(from: Uint8Array): Any {
  let typeUrl: string = "";
  let value: Uint8Array = NO_BYTES;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: typeUrl = reader.string(); break;
      case 2: value = reader.bytes(); break;
      default: reader.skip();
    }
  }
  return { typeUrl, value };
}

export function writeAny(message: Draft<Any>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.typeUrl);
  writer.bytes(2, message.value);
  return writer.finish();
}

export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

export function readTimestamp(from: Uint8Array): Timestamp {
  let seconds: number = 0;
  let nanos: number = 0;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: seconds = reader.int64(); break;
      case 2: nanos = reader.int32(); break;
      default: reader.skip();
    }
  }
  return { seconds, nanos };
}

export function writeTimestamp(message: Draft<Timestamp>): Uint8Array {
  const writer = new Writer();
  writer.int(1, message.seconds);
  writer.int(2, message.nanos);
  return writer.finish();
}

export type Empty = Readonly<Record<never, never>>;

export function readEmpty(from: Uint8Array): Empty {
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      default: reader.skip();
    }
  }
  return {  };
}

export function writeEmpty(_message: Draft<Empty>): Uint8Array {
  return NO_BYTES;
}

export interface Request {
  readonly service: string;
  readonly method: string;
  readonly payload: Uint8Array;
  readonly timeoutNano: number;
  readonly metadata: readonly KeyValue[];
}

export function readRequest(from: Uint8Array): Request {
  let service: string = "";
  let method: string = "";
  let payload: Uint8Array = NO_BYTES;
  let timeoutNano: number = 0;
  const metadata: KeyValue[] = [];
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: service = reader.string(); break;
      case 2: method = reader.string(); break;
      case 3: payload = reader.bytes(); break;
      case 4: timeoutNano = reader.int64(); break;
      case 5: metadata.push(readKeyValue(reader.bytes())); break;
      default: reader.skip();
    }
  }
  return { service, method, payload, timeoutNano, metadata };
}

export function writeRequest(message: Draft<Request>): Uint8Array {
  const writer = new Writer();
  writer.string(1, message.service);
  writer.string(2, message.method);
  writer.bytes(3, message.payload);
  writer.int(4, message.timeoutNano);
  for (const each of message.metadata ?? []) writer.message(5, writeKeyValue(each));
  return writer.finish();
}

export interface Status {
  readonly code: number;
  readonly message: string;
}

export function readStatus(from: Uint8Array): Status {
  let code: number = 0;
  let message: string = "";
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: code = reader.int32(); break;
      case 2: message = reader.string(); break;
      default: reader.skip();
    }
  }
  return { code, message };
}

export function writeStatus(message: Draft<Status>): Uint8Array {
  const writer = new Writer();
  writer.int(1, message.code);
  writer.string(2, message.message);
  return writer.finish();
}

export interface Response {
  readonly status: Status | undefined;
  readonly payload: Uint8Array;
}

export function readResponse(from: Uint8Array): Response {
  let status: Status | undefined;
  let payload: Uint8Array = NO_BYTES;
  const reader = new Reader(from);
  while (reader.next()) {
    switch (reader.field) {
      case 1: status = readStatus(reader.bytes()); break;
      case 2: payload = reader.bytes(); break;
      default: reader.skip();
    }
  }
  return { status, payload };
}

export function writeResponse(message: Draft<Response>): Uint8Array {
  const writer = new Writer();
  if (message.status !== undefined) writer.message(1, writeStatus(message.status));
  writer.bytes(2, message.payload);
  return writer.finish();
}
