/** A DNS server that knows one name; it answers everything else with "no such name". */
export interface NameServer {
  close(): void;
}

interface NameServerOptions {
  /** Loopback address to listen on, port 53 (resolv.conf knows no other port). */
  address: string;
  name: string;
  /** IPv4 address to answer with. */
  answer: string;
}

const headerLength = 12;
const typeA = 1;

export async function startNameServer({ address, name, answer }: NameServerOptions): Promise<NameServer> {
  const socket = await Bun.udpSocket({
    hostname: address,
    port: 53,
    socket: {
      data: (server, query, port, from) => void server.send(reply(query, name, answer), port, from),
    },
  });
  return { close: () => socket.close() };
}

function reply(query: Buffer, name: string, answer: string): Buffer {
  const question = readQuestion(query);
  const isKnown = question.name === name;
  const hasAnswer = isKnown && question.type === typeA;
  const header = Buffer.alloc(headerLength);
  header.writeUInt16BE(query.readUInt16BE(0), 0);
  header.writeUInt16BE(isKnown ? 0x8580 : 0x8583, 2); // response, authoritative; 3 = no such name
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  const asked = query.subarray(headerLength, question.end);
  if (!hasAnswer) return Buffer.concat([header, asked]);
  const record = Buffer.from([0xc0, headerLength, 0, typeA, 0, 1, 0, 0, 0, 60, 0, 4, ...answer.split(".").map(Number)]);
  return Buffer.concat([header, asked, record]);
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = headerLength;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}
