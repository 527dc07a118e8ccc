"""One file or folder for each technology; the only boto3 in the house."""
