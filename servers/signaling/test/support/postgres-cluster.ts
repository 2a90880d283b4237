/** A PostgreSQL cluster of the test's own, in a temporary folder on a free loopback port, gone at its end. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";

export type PostgresCluster = {
  /** A new empty database each. */
  createDatabase(): Promise<string>;
  stop(): void;
};

/** Why the battery cannot run on PostgreSQL here, or undefined when it can. */
export function postgresMissing(): string | undefined {
  if (binaries() === undefined) return "no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql";
  if (process.platform === "win32" || process.getuid === undefined) return "needs a Unix system";
  // PostgreSQL refuses to run as root.
  if (process.getuid() === 0 && spawnSync("id", ["postgres"]).status !== 0)
    return "running as root and there is no user postgres";
  return undefined;
}

function binaries(): string | undefined {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, "bin")).find((folder) => existsSync(join(folder, "initdb")));
}

export async function startPostgres(): Promise<PostgresCluster> {
  const folder = binaries();
  if (folder === undefined) throw new Error("no PostgreSQL");
  const dir = mkdtempSync(join(tmpdir(), "tsunagi-pg-"));
  const asRoot = process.getuid?.() === 0;
  const run = (program: string, args: readonly string[]) => {
    const command = [join(folder, program), ...args];
    const full = asRoot ? ["runuser", "-u", "postgres", "--", ...command] : command;
    // The server's output goes to a file: it would else hold this process's pipe open.
    return execFileSync(full[0] ?? "", full.slice(1), { cwd: dir, stdio: ["ignore", "ignore", "pipe"] });
  };
  if (asRoot) execFileSync("chown", ["postgres", dir]);
  const data = join(dir, "data");
  const port = await freePort();
  try {
    run("initdb", ["-D", data, "-U", "tsunagi", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]);
    const options = `-p ${port} -h 127.0.0.1 -k ${dir} -c fsync=off -c full_page_writes=off -c max_connections=60`;
    run("pg_ctl", ["-D", data, "-l", join(dir, "log"), "-w", "-t", "60", "-o", options, "start"]);
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  const urlOf = (database: string) => `postgres://tsunagi@127.0.0.1:${port}/${database}`;
  let databases = 0;
  return {
    async createDatabase() {
      databases += 1;
      const client = new pg.Client({ connectionString: urlOf("postgres") });
      await client.connect();
      try {
        await client.query(`create database t${databases}`);
      } finally {
        await client.end();
      }
      return urlOf(`t${databases}`);
    },
    stop() {
      try {
        run("pg_ctl", ["-D", data, "-m", "immediate", "-w", "stop"]);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
