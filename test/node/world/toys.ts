import type { Source } from "./publisher.ts";

/** Starts OpenRC as process 1, as Alpine does. */
export const openrc = ["/sbin/init"];

/** A supervised service that notes each signal, and is as healthy as its settings say. */
const initScript = (name: string): string => `#!/sbin/openrc-run
supervisor=supervise-daemon
command=/usr/local/bin/toy
command_args=${name}
pidfile=/run/${name}.pid
respawn_delay=1
respawn_max=3
respawn_period=60
retry="TERM/3/KILL/2"
extra_started_commands=reload
reload() { supervise-daemon "$RC_SVCNAME" --signal HUP --pidfile "$pidfile"; }
healthcheck() { ! grep sick /etc/${name}.conf; }
`;

const program = `#!/bin/sh
echo "start $1" >>/var/log/toys
trap 'echo "reload $1" >>/var/log/toys' HUP
trap 'echo "stop $1" >>/var/log/toys; exit 0' TERM
grep -q crash /etc/$1.conf && exit 1
while :; do sleep 0.1; done
`;

/** A bundle with toy services: their settings by their names, and what a change of these does. */
export const toys = (
  settings: Readonly<Record<string, string>>,
  onChange: Readonly<Record<string, "restart" | "reload" | "none">> = {},
): Source => {
  const names = Object.keys(settings);
  const description: Source["description"] = {
    files: [
      { path: "/usr/local/bin/toy", mode: "0755" },
      { path: "/etc/init.d/*", mode: "0755" },
    ],
    services: names.map((name) => ({
      name,
      "on-change": onChange[name] ?? "restart",
      watch: [`/etc/${name}.conf`],
    })),
  };
  const files = names.flatMap((name) => [
    [`/etc/${name}.conf`, settings[name] ?? ""],
    [`/etc/init.d/${name}`, initScript(name)],
  ]);
  return { files: { "/usr/local/bin/toy": program, ...Object.fromEntries(files) }, description };
};
