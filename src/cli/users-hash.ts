import { defineCommand } from "citty";
import { createPasswords } from "../admin/identity/passwords.ts";
import { print } from "./output.ts";
import { readPassword } from "./read-password.ts";

const description = `Print the argon2id hash of a password, for ADMIN_PASSWORD (admin.password)

No gateway is asked. In a shell and in .env put the hash between single quotes, in compose.yaml write each $ twice.

Examples:
  orcestator users hash                       asks for the password
  orcestator users hash < password.txt`;

export default defineCommand({
  meta: { name: "hash", description },
  async run() {
    print(await createPasswords().hash(await readPassword("Password to hash:")));
  },
});
