// The part of Node.js's types (the package @types/node) that the examples use.

declare module "node:http" {
  export interface IncomingMessage extends AsyncIterable<string> {
    headers: Record<string, string | string[] | undefined>;
    setEncoding(encoding: "utf8"): this;
  }
  interface ServerResponse {
    writeHead(status: number): this;
    end(): this;
  }
  interface Server {
    listen(port: number, host: string, listening: () => void): this;
    address(): { port: number } | string | null;
    close(ended?: () => void): this;
  }
  export function createServer(listener: (request: IncomingMessage, response: ServerResponse) => void): Server;
}

declare module "node:process" {
  const process: {
    env: Record<string, string | undefined>;
    once(event: "SIGINT", listener: () => void): void;
  };
  export default process;
}
