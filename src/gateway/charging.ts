import type { RequestRecord } from "../telemetry/request-record.ts";
import type { AdmitKey, RequestCharge } from "./key-admission.ts";

/** What is set aside for a request; where several gateways decide together, that is known a little later. */
export class Charging {
  /** Settles, or rejects, when it is decided; `undefined` = it is. */
  pending: Promise<void> | undefined;
  private charge: RequestCharge | undefined;
  private record: RequestRecord | undefined;
  private isAnswered = false;

  begin(charge: ReturnType<AdmitKey>): void {
    if (charge instanceof Promise) this.pending = this.beginLater(charge);
    else this.charge = charge;
  }

  /** An answer has begun of which only its own end tells what it cost. */
  answered(): void {
    this.isAnswered = true;
  }

  /** The request has ended; what is set aside after that is settled at once. */
  end(record: RequestRecord): void {
    this.record = record;
    this.charge?.end(record, this.isAnswered);
  }

  private async beginLater(later: Promise<RequestCharge>): Promise<void> {
    this.charge = await later;
    if (this.record !== undefined) this.charge.end(this.record, this.isAnswered);
  }
}
