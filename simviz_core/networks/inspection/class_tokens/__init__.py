"""Networks that embed by a class token: the token followed back along the residual stream."""
