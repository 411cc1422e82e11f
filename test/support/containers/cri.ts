/** A client of the Container Runtime Interface, by which the kubelet speaks with containerd: cri.proto has the messages. */
import { fileURLToPath } from "node:url";
import {
  type Client,
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const DEADLINE_MS = 30_000;

/** Calls a method with a message, and returns the message that answers it; 64-bit numbers are strings. */
export type Call = <T = object>(method: string, message?: object) => Promise<T>;

/** Both services of one runtime. */
export interface Cri extends AsyncDisposable {
  readonly runtime: Call;
  readonly image: Call;
}

export function connectCri(socket: string): Cri {
  const definition = loadSync(fileURLToPath(new URL("cri.proto", import.meta.url)), {
    keepCase: true,
    longs: String,
    enums: String,
  });
  const { v1 } = loadPackageDefinition(definition).runtime as unknown as {
    v1: Record<"RuntimeService" | "ImageService", ServiceClientConstructor>;
  };
  const connect = (Service: ServiceClientConstructor) =>
    new Service(`unix://${socket}`, credentials.createInsecure());
  const [runtime, image] = [connect(v1.RuntimeService), connect(v1.ImageService)];
  return {
    runtime: caller(runtime),
    image: caller(image),
    [Symbol.asyncDispose]: async () => {
      runtime.close();
      image.close();
    },
  };
}

type Method = (
  message: object,
  options: { deadline: number; waitForReady: boolean },
  done: (error: Error | null, answer?: unknown) => void,
) => void;

/** The clients' methods are made from the file: TypeScript knows none of them. */
function caller(client: Client): Call {
  return <T>(method: string, message = {}) =>
    new Promise<T>((resolve, reject) => {
      const call = (client as unknown as Record<string, Method>)[method]!;
      // A client that has failed to connect once would refuse calls for a second.
      const options = { deadline: Date.now() + DEADLINE_MS, waitForReady: true };
      call.call(client, message, options, (error, answer) => {
        if (error) reject(new Error(`${method}: ${error.message}`, { cause: error }));
        else resolve(answer as T);
      });
    });
}
