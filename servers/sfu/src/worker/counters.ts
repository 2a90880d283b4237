/** What a worker counts, of all its rooms together. */
export class WorkerCounters {
  packetsReceived = 0;
  bytesReceived = 0;
  packetsSent = 0;
  /** From other workers. */
  packetsPiped = 0;
  negotiations = 0;
  transportsOpened = 0;
  transportsConnected = 0;
  transportsLost = 0;
  controlMessages = 0;
  dataMessages = 0;
  readonly dropped: Record<string, number> = {};

  drop(reason: string, count = 1): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + count;
  }

  values(): Readonly<Record<string, number>> {
    const numbers = Object.entries(this).filter((entry): entry is [string, number] => typeof entry[1] === "number");
    return Object.fromEntries(numbers);
  }
}
