// An OpenID Connect provider on loopback for deploy/check_login.py: node provider.mjs PORT APP
import { Provider } from "oidc-provider";

const [port, app] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "simviz",
      client_secret: "a secret of this check alone",
      redirect_uris: [`${app}/oauth2callback`],
      post_logout_redirect_uris: [`${app}/oauth2callback`],
    },
  ],
  claims: { openid: ["sub"], email: ["email"], profile: ["name"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, email: `${id}@example.test` }),
  }),
});
provider.listen(Number(port), "127.0.0.1");
