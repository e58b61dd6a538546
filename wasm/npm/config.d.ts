// Made by script/declarations from the core's own shapes: do not edit.

/**
 * Says how somebody signs in; named as in Databricks unified authentication.
 *
 * <https://docs.databricks.com/dev-tools/auth/unified-auth>
 */
export type Auth =
  | {
      /** The token. */
      token: SecretRef;
      type: "pat";
    }
  | {
      /** The token. */
      token: SecretRef;
      type: "access-token";
    }
  | {
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The secret. */
      "client-secret": SecretRef;
      /** The tenant, where it is not the principal's. */
      "tenant-id"?: string | null;
      type: "azure-client-secret";
    }
  | {
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /** PEM with certificate and RSA private key, or PKCS#12 (binary; in base64 from the environment). */
      certificate: SecretRef;
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The password of the PKCS#12. */
      password?: SecretRef | null;
      /** The tenant, where it is not the principal's. */
      "tenant-id"?: string | null;
      type: "azure-client-certificate";
    }
  | {
      /** The audience; `api://AzureADTokenExchange` by default. */
      audience?: string | null;
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The tenant, where it is not the principal's. */
      "tenant-id"?: string | null;
      type: "github-oidc-azure";
    }
  | {
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /**
       * The scopes that a Databricks-managed principal asks for, such as `[authentication, scim]`; `all-apis`
       * by default.
       */
      scopes?: TokenScopes;
      /** The id of the service connection. */
      "service-connection-id"?: string | null;
      /** The tenant, where it is not the principal's. */
      "tenant-id"?: string | null;
      type: "azure-devops-oidc";
    }
  | {
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The path of the file; what AZURE_FEDERATED_TOKEN_FILE names by default. */
      path?: string | null;
      /** The tenant, where it is not the principal's. */
      "tenant-id"?: string | null;
      type: "azure-workload-identity";
      /** The variable that holds the token, in place of a file, as GitLab, Jenkins and Bitbucket have it. */
      variable?: string | null;
    }
  | {
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /**
       * The client id of a user-assigned identity; a machine that has several is asked for the principal's by
       * default.
       */
      "client-id"?: string | null;
      type: "azure-msi";
    }
  | {
      /** The workspace's Azure resource id, for a caller with an Azure role on it who is no member of it. */
      "azure-resource-id"?: string | null;
      /** The tenant, where it is not the principal's. */
      "tenant-id"?: string | null;
      type: "azure-cli";
    }
  | {
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The OAuth secret. */
      "client-secret": SecretRef;
      /** The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default. */
      scopes?: TokenScopes;
      type: "oauth-m2m";
    }
  | {
      /** The audience; the workspace's token endpoint by default, and the account's id at the account. */
      audience?: string | null;
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default. */
      scopes?: TokenScopes;
      type: "github-oidc";
    }
  | {
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default. */
      scopes?: TokenScopes;
      type: "env-oidc";
      /** The variable's name; what DATABRICKS_OIDC_TOKEN_ENV names, or DATABRICKS_OIDC_TOKEN, by default. */
      variable?: string | null;
    }
  | {
      /** The application id, where it is not the principal's. */
      "client-id"?: string | null;
      /** The file's path. */
      path: string;
      /** The scopes that it asks for, such as `[authentication, scim]`; `all-apis` by default. */
      scopes?: TokenScopes;
      type: "file-oidc";
    };
/** Refers to a secret that stands outside the configuration; one line end at its end is not part of it. */
export type SecretRef = {env: string; file?: undefined} | {file: string; env?: undefined};
/** The scopes that a token is asked for: those of `scopes`, or all. */
export type TokenScopes = readonly ScopeName[] | null;
/**
 * Names a cloud.
 *
 * <https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud>
 */
export type Cloud = "public" | "usgov" | "china";
/**
 * Names the kind of a service principal.
 *
 * <https://learn.microsoft.com/azure/databricks/admin/users-groups/service-principals>
 */
export type PrincipalKind = "entra" | "databricks";
/** Says which credentials made by others are taken over. */
export type Adopt = "none" | "all" | readonly string[];
export type Duration =
  | `${number}${"s" | "sec" | "m" | "min" | "h" | "d" | "w"}`
  | `${number} ${"second" | "seconds" | "minute" | "minutes" | "hour" | "hours" | "day" | "days" | "week" | "weeks"}`;
/** Says which scopes a new PAT or OAuth secret gets. */
export type Scopes = "inherit" | "all" | "auto" | readonly ScopeName[];
/** Says how the GitHub sinks sign in. */
export type GithubSignIn =
  | {
      /** The App's id. */
      "app-id": number;
      /** The App's private key, PEM. */
      "private-key": SecretRef;
      type: "app";
    }
  | {
      /** The token. */
      token: SecretRef;
      type: "token";
    };
/** Names what somebody may want to hear of. */
export type Occasion = "failed" | "overdue" | "expiring" | "rotated";
/** Names the form of a notice. */
export type NotifyKind = "slack" | "teams" | "webhook";
/** Describes a place of delivery. */
export type SinkConfig =
  | {
      /** Which part of GitHub uses it: `actions` (default), `dependabot`, `codespaces` or `agents`. */
      app?: GithubApp | null;
      /** The environment, for an environment's secret. */
      environment?: string | null;
      /** The organisation, for an organisation's secret. */
      organization?: string | null;
      /** The names of the repositories that see it, with `visibility: selected`. */
      repositories?: readonly string[] | null;
      /** `owner/name`; needed unless `organization` is given. */
      repository?: string | null;
      /** The secret's name. */
      secret: string;
      type: "github-secret";
      /** Which repositories see an organisation's secret; private by default. */
      visibility?: Visibility | null;
    }
  | {
      /** How to sign in, where it is not as the principal. */
      auth?: Auth | null;
      /** Whether the versions of superseded credentials are switched off once these are revoked. */
      "disable-superseded"?: boolean;
      /** The secret's name. */
      secret: string;
      /** Tags to set besides lakekey's own. */
      tags?: {
        [k: string]: string;
      } | null;
      type: "key-vault";
      /** The vault's URL. */
      vault: string;
    }
  | {
      /** How to sign in, if not as the principal; `access-token` takes $(System.AccessToken), `pat` a PAT. */
      auth?: Auth | null;
      /** The group's id or name. */
      group: GroupRef;
      /** The organisation, where `endpoints.azure-devops` does not name it. */
      organization?: string | null;
      /** The project's name or id. */
      project: string;
      type: "azure-devops-variable";
      /** The variable's name. */
      variable: string;
    }
  | {
      /** How to sign in, where it is not as the principal. */
      auth?: Auth | null;
      /** Whether a missing scope is created. */
      "create-scope"?: boolean | null;
      /** The key. */
      key: string;
      /** The scope. */
      scope: string;
      type: "databricks-secret";
      /** The workspace, where it is not the target's. */
      workspace?: string | null;
    }
  | {
      /** The key of the HMAC-SHA256 that signs the body. */
      key: SecretRef;
      type: "webhook";
      /** The URL. */
      url: string;
    }
  | {
      /** The program and its arguments. */
      run: readonly string[];
      /** How long it may run; 1m by default. */
      timeout?: Duration | null;
      type: "command";
    }
  | {
      /** The name under which the caller passes the function. */
      name: string;
      type: "callback";
    };
/** Names the part of GitHub that uses a secret. */
export type GithubApp = "actions" | "dependabot" | "codespaces" | "agents";
/** Says which repositories see an organisation's secret. */
export type Visibility = "all" | "private" | "selected";
/** Names a variable group by its number or its name. */
export type GroupRef = number | string;
/** Names what a principal may do in a workspace besides the data. */
export type Entitlement =
  "allow-cluster-create" | "allow-instance-pool-create" | "databricks-sql-access" | "workspace-access" | "workspace-consume";

/** Holds the whole document. */
export interface Config {
  /** How the Azure sinks sign in, where they do not say otherwise; by default as the target's principal. */
  azure?: Auth | null;
  /** The cloud: public, usgov or china; what ARM_ENVIRONMENT names, or public, by default. */
  cloud?: Cloud | null;
  /** How many targets are served at once, 1 to 64; 8 by default. */
  concurrency?: number | null;
  /** What holds for every target that does not say otherwise. */
  defaults?: Defaults;
  /** Hosts other than the cloud's own. */
  endpoints?: Endpoints;
  /** How the GitHub sinks sign in. */
  github?: GithubSignIn | null;
  /**
   * What each `rotate` and `provision` calls that ends well: a service that raises an alarm when the calls
   * stop.
   */
  heartbeat?: Heartbeat | null;
  /** Who is told of what `provision`, `rotate` and `status` find. */
  notify?: readonly Notify[];
  /** The service principals to care for. */
  targets: readonly TargetDocument[];
  /** The version of this shape: 1. */
  version: 1;
}
/** Holds what every target takes over. */
export interface Defaults {
  /** Default of the targets' `auth`. */
  auth?: Auth | null;
  /** Defaults of the targets' `principal`. */
  principal?: PrincipalDocument | null;
  /** Defaults of the targets' `token`. */
  token?: TokenDocument | null;
}
/** Names a service principal. */
export interface PrincipalDocument {
  /** The Databricks account id, where OAuth secrets are managed at the account instead of the workspace. */
  "account-id"?: string | null;
  /** The application id. */
  "client-id"?: string | null;
  /** The name, by which `provision` finds or makes the principal. */
  "display-name"?: string | null;
  /** Where the principal is managed. */
  kind?: PrincipalKind;
  /** The tenant; where left out the workspace is asked. */
  "tenant-id"?: string | null;
}
/** Describes a PAT and its rotation. */
export interface TokenDocument {
  /** Which PATs of this principal lakekey takes over: `none` (default), `all`, or a list of token ids. */
  adopt?: Adopt | null;
  /** A comment that people see in the workspace. */
  comment?: string | null;
  /** How long a PAT lives; 90d by default. */
  lifetime?: Duration | null;
  /** How long the superseded PAT lives on after its successor was made; 0 by default. */
  overlap?: Duration | null;
  /** How long before its end it is renewed; a third of the lifetime by default. */
  "renew-before"?: Duration | null;
  /**
   * The scopes of a new PAT: `inherit` (default), `all`, a list such as `[sql]`, or `auto`, which lets
   * Databricks narrow it by its use.
   */
  scopes?: Scopes | null;
  /**
   * The path that a new PAT is tried on, for scopes that do not reach the default
   * `/api/2.0/preview/scim/v2/Me`.
   */
  "verify-path"?: string | null;
  /** How long a new PAT may take until it works; 2m by default. */
  "verify-within"?: Duration | null;
}
/** Names hosts other than the cloud's own. */
export interface Endpoints {
  /** The Databricks account API. */
  accounts?: string | null;
  /** The Azure DevOps organisation, such as <https://dev.azure.com/acme>. */
  "azure-devops"?: string | null;
  /** The GitHub API, such as <https://github.example/api/v3>. */
  github?: string | null;
  /** Microsoft Graph. */
  graph?: string | null;
  /** The instance metadata service, for managed identities. */
  imds?: string | null;
  /** The suffix of vault hosts. */
  "key-vault-suffix"?: string | null;
  /** Entra ID. */
  login?: string | null;
  /** Azure Resource Manager. */
  management?: string | null;
  /** Workspaces outside the cloud's suffix, such as private ones. */
  workspaces?: readonly string[];
}
/** Describes what is called by each run that ends well. */
export interface Heartbeat {
  /** The address that is read by GET. */
  url: SecretRef;
}
/** Describes who is told of what. */
export interface Notify {
  /** What is told: `failed`, `overdue`, `expiring`, `rotated`; all but `rotated` by default. */
  on?: readonly Occasion[] | null;
  /** Who is told: `slack`, `teams`, or `webhook` for any service that takes JSON. */
  type: NotifyKind;
  /** The address that takes the notice. Those who know it may post there, so that it is a secret. */
  url: SecretRef;
  /** How long before its end a credential is told as `expiring`; 14d by default. */
  within?: Duration | null;
}
/** Describes one service principal in one workspace. */
export interface TargetDocument {
  /** How the workspace admin signs in; for `provision`, `doctor` and `revoke`. */
  admin?: Auth | null;
  /** Whether `provision` may switch personal access tokens on for the whole workspace. */
  "allow-enable-tokens"?: boolean;
  /** How the principal signs in; where left out the environment is asked. */
  auth?: Auth | null;
  /** The principal's Entra client secret, where it is to be rotated too. */
  "client-secret"?: SecretDocument | null;
  /** Where the PAT is delivered. */
  deliver?: readonly SinkConfig[];
  /** Who may write to Microsoft Graph; for `provision` and for rotating client secrets. */
  directory?: Auth | null;
  /**
   * Entitlements that the principal is to have; others are left as they are. Where left out, it gets
   * `workspace-access` if it has none with which it may use the workspace.
   */
  entitlements?: readonly Entitlement[] | null;
  /**
   * Whom the principal is to trust, so that it needs no secret: a federated credential to make, or a
   * federation policy of a Databricks principal.
   */
  "federated-credential"?: FederatedCredential | null;
  /** Names that the target had before; credentials that bear them are its own. */
  formerly?: readonly string[];
  /**
   * The name, by which commands and the ledger know the target: letters, digits, `-`, `_` and `.`; made of
   * repository, environment and secret by default, where the first place is a GitHub secret.
   */
  name?: string | null;
  /** The principal's Databricks OAuth secret, where it is to be rotated too. */
  "oauth-secret"?: SecretDocument | null;
  /** The principal. */
  principal?: PrincipalDocument;
  /** The PAT. */
  token?: TokenDocument;
  /** The workspace's URL. */
  workspace: string;
}
/** Describes a rotated client secret or OAuth secret. */
export interface SecretDocument {
  /** Which secrets lakekey takes over: `none` (default), `all`, or a list of ids. */
  adopt?: Adopt | null;
  /** Where the secret is delivered. */
  deliver?: readonly SinkConfig[];
  /** A description that people see in the portal. */
  description?: string | null;
  /** How long a secret lives; 180d by default. */
  lifetime?: Duration | null;
  /** How long the superseded secret lives on after its successor was made; 0 by default. */
  overlap?: Duration | null;
  /** How long before its end it is renewed; a third of the lifetime by default. */
  "renew-before"?: Duration | null;
  /** The scopes of a new OAuth secret: `inherit` (default), `all`, or a list such as `[sql]`. */
  scopes?: Scopes | null;
  /** How long a new secret may take until it works; 5m by default. */
  "verify-within"?: Duration | null;
}
/**
 * Describes a federated credential of the application, or a federation policy of a Databricks principal.
 *
 * Whose assertions are trusted is said in one of three ways: by `repository` and what runs there, by
 * `subject`, or by `claims-matching-expression`.
 *
 * <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-create-trust>,
 * <https://docs.databricks.com/dev-tools/auth/oauth-federation-policy>
 */
export interface FederatedCredential {
  /**
   * The audience; for Entra ID `api://AzureADTokenExchange` by default, for Databricks what `auth` asks
   * for.
   */
  audience?: string | null;
  /** The branch that the workflow runs on, with `repository`. */
  branch?: string | null;
  /** An expression over the claims, such as `claims['sub'] matches 'repo:acme/data:*'`; for Entra ID alone. */
  "claims-matching-expression"?: string | null;
  /** The environment of the job, with `repository`. */
  environment?: string | null;
  /** Who signs the assertion; GitHub Actions by default. */
  issuer?: string | null;
  /** The name in Entra ID, or the id of the policy; made from the rest by default. */
  name?: string | null;
  /** Whether the workflow runs for pull requests, with `repository`. */
  "pull-request"?: boolean | null;
  /** A repository of GitHub, such as `acme/data`, which is asked for the subject that it sends. */
  repository?: string | null;
  /** The subject, letter by letter, such as `repo:acme/data:environment:production`. */
  subject?: string | null;
  /** The tag that the workflow runs on, with `repository`. */
  tag?: string | null;
}

/** Names a scope; others than those that are suggested are taken too. */
export type ScopeName = "sql" | "unity-catalog" | "scim" | "authentication" | "access-management" | "workspace" | "jobs" | "clusters" | "files" | "secrets" | "all-apis" | (string & {});
