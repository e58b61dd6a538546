// Does what lakekey does in the words of the official Go client, at the services' real names: nothing but environment
// variables leads it there.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/databricks/databricks-sdk-go/service/workspace"
)

func must[T any](value T, err error) T {
	if err != nil {
		fail(err.Error())
	}
	return value
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}

func main() {
	ctx := context.Background()
	admin := must(databricks.NewWorkspaceClient(&databricks.Config{
		Host: os.Getenv("WORKSPACE"), Token: os.Getenv("ADMIN_TOKEN"), AuthType: "pat",
	}))
	principal := must(databricks.NewWorkspaceClient(&databricks.Config{
		Host: os.Getenv("WORKSPACE"), AuthType: "azure-client-secret", AzureTenantID: os.Getenv("TENANT"),
		AzureClientID: os.Getenv("CLIENT"), AzureClientSecret: os.Getenv("SECRET"),
	}))

	if me := must(principal.CurrentUser.Me(ctx, iam.MeRequest{})); me.UserName != os.Getenv("CLIENT") {
		fail("somebody else signed in: " + me.UserName)
	}
	made := must(principal.Tokens.Create(ctx, settings.CreateTokenRequest{
		Comment: "conformance", LifetimeSeconds: 3600,
	}))
	ours := false
	for _, token := range must(principal.Tokens.ListAll(ctx)) {
		ours = ours || strings.HasPrefix(token.Comment, "data catalogue [lakekey target=")
	}
	if !ours {
		fail("what lakekey made is not listed")
	}
	if err := principal.Tokens.DeleteByTokenId(ctx, made.TokenInfo.TokenId); err != nil {
		fail(err.Error())
	}
	found := false
	for _, secret := range must(admin.Secrets.ListSecretsAll(ctx, workspace.ListSecretsRequest{
		Scope: "integrations",
	})) {
		found = found || secret.Key == "catalog-token"
	}
	if !found {
		fail("what lakekey wrote is not listed")
	}
	granted := false
	for _, entry := range must(admin.TokenManagement.GetPermissions(ctx)).AccessControlList {
		granted = granted || entry.ServicePrincipalName == os.Getenv("CLIENT")
	}
	if !granted {
		fail("what lakekey granted is not listed")
	}
	all := must(admin.ServicePrincipalsV2.ListAll(ctx, iam.ListServicePrincipalsRequest{
		Filter: fmt.Sprintf("applicationId eq %q", os.Getenv("CLIENT")),
	}))
	if len(all) != 1 || len(all[0].Entitlements) == 0 {
		fail("the principal is not as lakekey made it")
	}
	fmt.Println("done")
}
