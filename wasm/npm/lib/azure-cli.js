// How the Azure CLI is started: without a shell, and with what it needs of the environment.

const NEEDED = new Set([
  "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TMP", "TEMP", "USERPROFILE", "HOMEDRIVE",
  "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "SYSTEMROOT",
  "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "HTTP_PROXY", "HTTPS_PROXY",
  "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
  "DBUS_SESSION_BUS_ADDRESS",
]);

/** Returns true for what the CLI needs to start and to find its log-in, and for no secret. */
function isForAzureCli(name) {
  const upper = name.toUpperCase();
  if (NEEDED.has(upper) || upper.startsWith("LC_")) return true;
  return upper.startsWith("AZURE_") && !/SECRET|PASSWORD|TOKEN|KEY|CERT/.test(upper);
}

/**
 * Returns the environment and the program, with its first arguments; no program where there is none. On
 * Windows `az` is a script of the shell, which does no more than start the Python beside it.
 */
export function azureCliOf(platform, env, exists) {
  const environment = Object.fromEntries(Object.entries(env).filter(([name]) => isForAzureCli(name)));
  if (platform !== "win32") return { environment, program: ["az"] };
  const path = Object.entries(env).find(([name]) => name.toUpperCase() === "PATH")?.[1] ?? "";
  for (const entry of path.split(";")) {
    const folder = entry.trim().replace(/^"|"$/g, "").replace(/[\\/]+$/, "");
    // A relative entry means whatever folder the run is in.
    if (!/^([A-Za-z]:[\\/]|\\\\)/.test(folder) || !exists(`${folder}\\az.cmd`)) continue;
    const python = `${folder}\\..\\python.exe`;
    if (exists(python)) return { environment, program: [python, "-IBm", "azure.cli"] };
  }
  return { environment, program: undefined };
}
