import { expect, test } from "bun:test";
import { createSinkComplaints } from "../../src/runtime/sink-complaints.ts";
import { createRecordWriter } from "../../src/storage/record-writer.ts";
import { ServerFailure } from "../../src/storage/server/failure.ts";
import { makeRecord } from "../support/make-record.ts";

test("a sink that cannot be written to is complained of once a minute, and its return is told", async () => {
  const lines: string[] = [];
  const logger = {
    warn: (line: string) => void lines.push(`WARN ${line}`),
    info: (line: string) => void lines.push(line),
  };
  let time = 0;
  let isAway = false;
  const complaints = createSinkComplaints(logger, { now: () => time });
  const sink = complaints.follow({
    name: "database",
    write() {
      if (isAway) throw new ServerFailure("It cannot be used: no answer within 5000 ms.", { retryable: true });
    },
    close: () => undefined,
  });
  const writer = createRecordWriter({
    sinks: [sink],
    onDrop: () => undefined,
    onError: (name, error) => complaints.failed(name, error),
  });
  const write = async (): Promise<void> => {
    writer.push(makeRecord());
    await writer.flush();
  };

  await write();
  expect(lines).toEqual([]);

  isAway = true;
  await write();
  await write();
  const complaint =
    "WARN Records cannot be written to the database: It cannot be used: no answer within 5000 ms. Traffic goes on.";
  expect(lines).toEqual([complaint]);

  isAway = false;
  await write();
  await write();
  const all = [complaint, "Records are written to the database again."];
  expect(lines).toEqual(all);

  // Within the same minute nothing is said of another failure, and so nothing of its end.
  isAway = true;
  await write();
  isAway = false;
  await write();
  expect(lines).toEqual(all);

  time += 60_001;
  isAway = true;
  await write();
  expect(lines).toEqual([...all, complaint]);
  isAway = false;
  await writer.close();
});
