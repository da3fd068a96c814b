"""The only Streamlit in actcore: what pages are made of."""
