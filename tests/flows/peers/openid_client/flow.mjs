// A relying party on the stock openid-client package, driven line by line by
// tests/flows/test_peer_openid_client.py: one JSON command in, one JSON answer out.
import { createInterface } from 'node:readline'
import * as client from 'openid-client'

let config, checks

const commands = {
  async discover({ issuer, client_id, client_secret, method }) {
    const authenticate =
      method === 'client_secret_basic' ? client.ClientSecretBasic(client_secret) : undefined
    config = await client.discovery(new URL(issuer), client_id, client_secret, authenticate, {
      execute: [client.allowInsecureRequests], // loopback speaks http
    })
    return { issuer: config.serverMetadata().issuer, pkce: config.serverMetadata().supportsPKCE() }
  },
  async authorize({ redirect_uri, scope }) {
    checks = {
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
      expectedState: client.randomState(),
      expectedNonce: client.randomNonce(),
      idTokenExpected: true,
    }
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri,
      scope,
      prompt: 'consent',
      state: checks.expectedState,
      nonce: checks.expectedNonce,
      code_challenge: await client.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    return { url: url.href }
  },
  async callback({ url }) {
    const tokens = await client.authorizationCodeGrant(config, new URL(url), checks)
    const claims = tokens.claims()
    const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
    return { tokens, claims, userinfo }
  },
  async refresh({ refresh_token }) {
    const tokens = await client.refreshTokenGrant(config, refresh_token)
    return { tokens, claims: tokens.claims() }
  },
  async introspect({ token }) {
    return await client.tokenIntrospection(config, token)
  },
  async revoke({ token }) {
    await client.tokenRevocation(config, token)
    return {}
  },
  async logout({ id_token, post_logout_redirect_uri }) {
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: id_token,
      post_logout_redirect_uri,
      state: 'after',
    })
    return { url: url.href }
  },
}

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...given } = JSON.parse(line)
  try {
    console.log(JSON.stringify({ ok: await commands[command](given) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error), cause: String(error.cause ?? '') }))
  }
}
