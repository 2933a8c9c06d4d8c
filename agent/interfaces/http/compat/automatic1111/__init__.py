"""The part of AUTOMATIC1111's `/sdapi/v1` API that clients use."""
